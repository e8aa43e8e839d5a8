// The page of a result: a tap on a page opens it large, to be moved with a finger and enlarged in
// steps; printing waits for the pages. Without this file a tap opens the picture itself.
(() => {
  const dialog = document.querySelector("dialog.zoom");
  if (!dialog || !dialog.showModal) return;
  const room = dialog.querySelector(".zoom-room");
  const SIZES = ["zoom-1", "zoom-2", "zoom-3", "zoom-4"];
  const wide = matchMedia("(min-width: 992px)");
  let size = 1;

  function resize(next, at = { x: 0.5, y: 0.5 }) {
    size = Math.min(Math.max(next, 0), SIZES.length - 1);
    room.classList.remove(...SIZES);
    room.classList.add(SIZES[size]);
    room.scrollLeft = room.scrollWidth * at.x - room.clientWidth / 2;
    room.scrollTop = room.scrollHeight * at.y - room.clientHeight / 2;
  }

  function middle() {
    return {
      x: (room.scrollLeft + room.clientWidth / 2) / room.scrollWidth,
      y: (room.scrollTop + room.clientHeight / 2) / room.scrollHeight,
    };
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-zoom]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const small = link.querySelector("img");
    const image = document.createElement("img");
    image.src = link.href;
    image.alt = small.alt;
    image.width = small.width;
    image.height = small.height;
    room.replaceChildren(image);
    const box = small.getBoundingClientRect();
    dialog.showModal();
    // A whole page first where a larger one would lose an edge.
    resize(wide.matches ? 1 : 0, { x: (event.clientX - box.left) / box.width || 0.5, y: (event.clientY - box.top) / box.height || 0.5 });
    room.focus();
  });

  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-zoom-in]")) resize(size + 1, middle());
    else if (event.target.closest("[data-zoom-out]")) resize(size - 1, middle());
    else if (event.target.closest("[data-zoom-close]")) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "+" || event.key === "=") resize(size + 1, middle());
    else if (event.key === "-") resize(size - 1, middle());
  });
  dialog.addEventListener("close", () => room.replaceChildren());

  // Pages further down load when they are scrolled to; who prints has not scrolled.
  function loadAll() {
    for (const image of document.querySelectorAll(".own-pages img")) image.loading = "eager";
  }
  addEventListener("beforeprint", loadAll);
  document.addEventListener("pointerover", (event) => {
    if (event.target.closest("[data-print]")) loadAll();
  });
})();

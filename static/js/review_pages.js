// The page images: zoom by button, key, double finger, Ctrl and wheel or click; pan by drag; turn.
(() => {
  const STEP = 80;
  const views = new WeakMap();

  function viewOf(figure) {
    const element = figure.querySelector(".page-pan");
    if (!views.has(element)) {
      const view = Panzoom(element, {
        minScale: 1,
        maxScale: 6,
        contain: "outside",
        panOnlyWhenZoomed: true,
        cursor: "",
        touchAction: "pan-x pan-y",
      });
      element.addEventListener("panzoomchange", (event) => {
        const zoomed = event.detail.scale > 1.01;
        figure.classList.toggle("zoomed", zoomed);
        const touchAction = zoomed ? "none" : "pan-x pan-y";
        if (view.getOptions().touchAction !== touchAction) view.setOptions({ touchAction });
      });
      element.closest("a").addEventListener(
        "wheel",
        (event) => {
          if (event.ctrlKey) view.zoomWithWheel(event);
        },
        { passive: false },
      );
      views.set(element, view);
    }
    return views.get(element);
  }

  // The page of the mark one is at; on a sheet's own desk the one that is seen most of.
  function pageAtHand() {
    const row = (document.querySelector(".mark.current") ?? document.querySelector(".by-question .mark"))?.closest(".by-question");
    if (row) return row.querySelector(".desk-page");
    const shelf = document.querySelector(".desk-pages")?.getBoundingClientRect();
    const seen = (figure) => {
      const box = figure.getBoundingClientRect();
      return (
        Math.max(0, Math.min(box.bottom, shelf.bottom) - Math.max(box.top, shelf.top)) *
        Math.max(0, Math.min(box.right, shelf.right) - Math.max(box.left, shelf.left))
      );
    };
    return [...document.querySelectorAll(".desk-page")].sort((one, other) => seen(other) - seen(one))[0];
  }

  function turn(figure) {
    const image = figure.querySelector("img");
    const now = (Number(image.dataset.turned ?? 0) + 90) % 360;
    image.dataset.turned = now;
    image.classList.remove("turned-90", "turned-180", "turned-270");
    if (now) image.classList.add(`turned-${now}`);
  }

  const MOVES = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };
  document.addEventListener("desk:view", (event) => {
    const figure = pageAtHand();
    if (!figure) return;
    const view = viewOf(figure);
    if (event.detail === "in") view.zoomIn();
    else if (event.detail === "out") view.zoomOut();
    else if (event.detail === "turn") turn(figure);
    else if (event.detail === "whole") {
      view.reset();
      figure.querySelector("img").dataset.turned = 270;
      turn(figure);
    } else {
      const [x, y] = MOVES[event.detail];
      view.pan(x, y, { relative: true });
    }
  });

  document.addEventListener("desk:page", (event) => {
    const page = document.getElementById(`page-${event.detail}`);
    const shelf = page?.closest(".desk-pages");
    if (!shelf || document.querySelector(".zoomed")) return;
    shelf.scrollTo({ top: page.offsetTop - shelf.offsetTop, left: page.offsetLeft - shelf.offsetLeft });
  });

  // A click without a drag zooms to that place, and out again.
  let down = null;
  document.addEventListener("pointerdown", (event) => (down = [event.clientX, event.clientY]), true);
  document.addEventListener("click", (event) => {
    const other = event.target.closest("[data-other-page]");
    if (other) {
      event.preventDefault();
      const row = other.closest(".review-pages");
      const figure = row.querySelector(".desk-page");
      viewOf(figure).reset({ animate: false });
      row.querySelector("[aria-current]")?.removeAttribute("aria-current");
      other.setAttribute("aria-current", "true");
      figure.querySelector("img").src = other.href;
      figure.querySelector(".page-view").href = other.href;
      figure.querySelector("img").alt = other.textContent;
      figure.querySelector("figcaption").textContent = other.textContent;
      return;
    }
    const link = event.target.closest("[data-zoom]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (down && event.detail && Math.hypot(event.clientX - down[0], event.clientY - down[1]) > 6) return;
    const view = viewOf(link.closest(".desk-page"));
    if (view.getScale() > 1.01) view.reset();
    else if (event.detail) view.zoomToPoint(2.2, event, { animate: true });
    else view.zoomIn();
  });

  for (const figure of document.querySelectorAll(".desk-page")) viewOf(figure);
})();

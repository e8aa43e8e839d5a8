// The page frame: the user menu closes when one clicks elsewhere or presses Escape, and a
// request that failed says so. Everything works without this file.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.user-menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.user-menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

function sayOnce(text) {
  const place = document.getElementById("messages");
  if (!place || place.querySelector("[data-shell]")) return;
  const line = document.createElement("div");
  line.className = "alert alert-danger";
  line.setAttribute("role", "alert");
  line.dataset.shell = "";
  line.textContent = text;
  place.append(line);
}

document.addEventListener("htmx:sendError", () => {
  sayOnce("Sheaf cannot be reached. What you see may be old; nothing was saved.");
});

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  sayOnce(
    status === 404
      ? "This is not here any more. Load the page again."
      : `Something went wrong (${status}); nothing was saved. Load the page again.`,
  );
});

document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.xhr.status < 400) document.querySelector("[data-shell]")?.remove();
});

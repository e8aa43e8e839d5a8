// The page frame: the user menu closes when one clicks elsewhere or presses Escape, and a
// request that failed says so. Everything works without this file.
//
// Scripts hold no words: texts come from the page, translated, in data-text-… attributes. A name in
// braces stands for a value; numbers are written as the page's language does.
const fillText = (text, values) => text.replace(/{(\w+)}/g, (whole, name) => values[name] ?? whole);
const showNumber = (value, options) =>
  value.toLocaleString(document.documentElement.lang || "en", { useGrouping: false, ...options });

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

function sayOnce(name, values = {}) {
  const place = document.getElementById("messages");
  if (!place || place.querySelector("[data-shell]")) return;
  const line = document.createElement("div");
  line.className = "alert alert-danger";
  line.setAttribute("role", "alert");
  line.dataset.shell = "";
  line.textContent = fillText(place.dataset[name], values);
  place.append(line);
}

document.addEventListener("htmx:sendError", () => {
  sayOnce("textUnreachable");
});

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  const known = { 401: "textSignedOut", 404: "textGone" };
  sayOnce(known[status] || "textError", { status });
});

document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.xhr.status < 400) document.querySelector("[data-shell]")?.remove();
});

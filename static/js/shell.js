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
  return line;
}

function saySignedOut() {
  const line = sayOnce("textSignedOut");
  if (!line) return;
  const { signIn, textSignIn } = document.getElementById("messages").dataset;
  const link = document.createElement("a");
  Object.assign(link, { href: signIn, target: "_blank", className: "alert-link", textContent: textSignIn });
  line.append(" ", link);
}

// Whoever signs in again, in another window say, has a new token: an open page goes on with that.
const csrfToken = () => document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/)?.[1];
document.addEventListener("htmx:configRequest", (event) => {
  const { headers, formData } = event.detail;
  const token = csrfToken();
  if (token && "X-CSRFToken" in headers) headers["X-CSRFToken"] = token;
  if (token && formData.has("csrfmiddlewaretoken")) formData.set("csrfmiddlewaretoken", token);
});
document.addEventListener(
  "submit",
  (event) => {
    const field = event.target.elements.csrfmiddlewaretoken;
    if (field) field.value = csrfToken() ?? field.value;
  },
  true,
);

document.addEventListener("htmx:sendError", () => {
  sayOnce("textUnreachable");
});

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (status === 401) saySignedOut();
  else sayOnce(status === 404 ? "textGone" : "textError", { status });
});

document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.xhr.status < 400) document.querySelector("[data-shell]")?.remove();
});

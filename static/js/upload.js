// The upload form: drag and drop, what was chosen, and how much of it has been sent. Without this
// file the same form posts by itself.
const state = { request: null };

function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} KB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function say(form, text) {
  const place = form.querySelector("[data-upload-problem]");
  place.textContent = text;
  place.hidden = !text;
}

function chosen(form) {
  return [...form.querySelector("input[type=file]").files];
}

function show(form) {
  const files = chosen(form);
  const list = form.querySelector("[data-files]");
  list.replaceChildren();
  for (const file of files.slice(0, 8)) {
    const line = document.createElement("li");
    line.textContent = `${file.name} · ${size(file.size)}`;
    list.append(line);
  }
  if (files.length > 8) {
    const line = document.createElement("li");
    line.textContent = `and ${files.length - 8} more`;
    list.append(line);
  }
  say(form, problem(form, files));
}

function problem(form, files) {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (total > Number(form.dataset.maxBytes)) {
    return `This is ${size(total)}; one upload may have ${form.dataset.maxText}. Split it into several ZIPs.`;
  }
  return "";
}

function busy(form, is) {
  form.querySelector("button[type=submit]").disabled = is;
  form.querySelector("input[type=file]").disabled = is;
  form.querySelector("[data-upload-cancel]").hidden = !is;
  form.querySelector("[data-upload-progress]").hidden = !is;
}

function send(form) {
  const data = new FormData(form);
  const request = new XMLHttpRequest();
  state.request = request;
  const bar = form.querySelector("[data-upload-progress] progress");
  const text = form.querySelector("[data-upload-text]");
  request.open("POST", form.action);
  request.upload.onprogress = (event) => {
    if (!event.lengthComputable) return;
    bar.value = (100 * event.loaded) / event.total;
    text.textContent =
      event.loaded < event.total
        ? `${Math.floor(bar.value)} % of ${size(event.total)}`
        : "Sent; being checked…";
  };
  request.onload = () => {
    if (request.status < 400) {
      window.location.assign(request.responseURL);
      return;
    }
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const answer = page.getElementById("upload-form");
    if (answer) {
      form.replaceWith(document.importNode(answer, true));
      begin();
      document.querySelector("#upload-form [role=alert]")?.scrollIntoView({ block: "nearest" });
      return;
    }
    busy(form, false);
    say(form, `The upload was not taken (${request.status}). Load the page again and retry.`);
  };
  request.onerror = () => {
    busy(form, false);
    say(form, "The connection broke before everything was sent. Nothing was kept; try again.");
  };
  request.onabort = () => {
    busy(form, false);
    say(form, "Stopped. Nothing was kept.");
  };
  busy(form, true);
  say(form, "");
  request.send(data);
}

function begin() {
  const form = document.getElementById("upload-form");
  if (!form) return;
  const zone = form.querySelector("[data-drop-zone]");
  const input = form.querySelector("input[type=file]");
  form.classList.add("scripted");
  input.addEventListener("change", () => show(form));
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("drop-over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.remove("drop-over");
    });
  }
  zone.addEventListener("drop", (event) => {
    if (input.disabled || !event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    show(form);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = problem(form, chosen(form));
    if (text) say(form, text);
    else send(form);
  });
  form.querySelector("[data-upload-cancel]").addEventListener("click", () => state.request?.abort());
}

begin();

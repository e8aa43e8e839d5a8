// The upload form: drag and drop, what was chosen, and how much of it has been sent. Without this
// file the same form posts by itself.
const state = { request: null, sending: false, stopped: false };

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

// What goes up together: the pictures are the pages of one sheet, every other file is an upload.
function groups(files) {
  const pictures = files.filter((file) => file.type.startsWith("image/"));
  const others = files.filter((file) => !pictures.includes(file)).map((file) => [file]);
  return pictures.length ? [...others, pictures] : others;
}

function problem(form, files) {
  for (const group of groups(files)) {
    const total = group.reduce((sum, file) => sum + file.size, 0);
    if (total > Number(form.dataset.maxBytes)) {
      return `${group[0].name}: this is ${size(total)}; one upload may have ${form.dataset.maxText}. Split it into several ZIPs.`;
    }
  }
  return "";
}

// -- several uploads, one after the other ---------------------------------------------------
function queued(form, group) {
  const line = document.createElement("li");
  const name = document.createElement("span");
  name.className = "queue-name";
  const total = group.reduce((sum, file) => sum + file.size, 0);
  const what = group.length > 1 ? `${group.length} × ${group[0].name} (${form.dataset.textPages})` : group[0].name;
  name.textContent = `${what} · ${size(total)}`;
  const bar = document.createElement("progress");
  bar.max = 100;
  bar.value = 0;
  bar.setAttribute("aria-label", what);
  const text = document.createElement("span");
  text.className = "queue-text";
  text.textContent = form.dataset.textWaits;
  line.append(name, bar, text);
  return { group, line, bar, text };
}

function sendOne(form, one) {
  return new Promise((resolve) => {
    const data = new FormData(form);
    data.delete("files");
    for (const file of one.group) data.append("files", file);
    const request = new XMLHttpRequest();
    state.request = request;
    request.open("POST", form.action);
    request.upload.onprogress = (event) => {
      if (!event.lengthComputable) return;
      one.bar.value = (100 * event.loaded) / event.total;
      one.text.textContent = `${Math.floor(one.bar.value)} %`;
    };
    const failed = (words) => {
      one.line.classList.add("queue-bad");
      one.text.textContent = words;
      resolve();
    };
    request.onload = () => {
      one.bar.value = 100;
      if (request.status < 400) {
        const link = document.createElement("a");
        link.href = request.responseURL;
        link.textContent = form.dataset.textOpen;
        one.line.classList.add("queue-ok");
        one.text.replaceChildren(link);
        resolve();
        return;
      }
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const alert = page.querySelector("#upload-form [role=alert]:not([hidden])");
      failed(alert ? alert.textContent.trim() : `The upload was not taken (${request.status}).`);
    };
    request.onerror = () => failed("The connection broke. Nothing of this file was kept; try it again.");
    request.onabort = () => {
      state.stopped = true;
      failed("Stopped. Nothing of this file was kept.");
    };
    request.send(data);
  });
}

async function sendAll(form, all) {
  const list = form.querySelector("[data-queue]");
  const lines = all.map((group) => queued(form, group));
  list.replaceChildren(...lines.map((one) => one.line));
  list.hidden = false;
  form.querySelector("[data-files]").replaceChildren();
  state.stopped = false;
  say(form, "");
  busy(form, true);
  form.querySelector("input[type=file]").disabled = true;
  form.querySelector("[data-upload-progress]").hidden = true;
  for (const one of lines) {
    if (state.stopped) break;
    await sendOne(form, one);
  }
  busy(form, false);
  form.querySelector("[data-upload-progress]").hidden = true;
  form.querySelector("input[type=file]").value = "";
  const end = document.createElement("li");
  const link = document.createElement("a");
  link.href = form.dataset.uploads;
  link.textContent = form.dataset.textAll;
  end.append(link);
  list.append(end);
}

window.addEventListener("beforeunload", (event) => {
  if (state.sending) event.preventDefault();
});

function busy(form, is) {
  state.sending = is;
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
      state.sending = false;
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
    const files = chosen(form);
    const text = problem(form, files);
    const all = groups(files);
    if (text) say(form, text);
    else if (all.length > 1) sendAll(form, all);
    else send(form);
  });
  form.querySelector("[data-upload-cancel]").addEventListener("click", () => state.request?.abort());
}

begin();

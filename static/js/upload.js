// The upload form: drag and drop, what was chosen, and how much of it has been sent. Without this
// file the same form posts by itself.
const state = { request: null, sending: false, stopped: false };

function size(bytes) {
  const shown = (value, digits) =>
    showNumber(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} KB`;
  return bytes < 1e9 ? `${shown(bytes / 1e6, 1)} MB` : `${shown(bytes / 1e9, 2)} GB`;
}

function textOf(form, name, values = {}) {
  return fillText(form.querySelector("[data-upload-texts]").dataset[name], values);
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
    line.textContent = textOf(form, "more", { count: files.length - 8 });
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
      return textOf(form, "large", {
        name: group[0].name,
        size: size(total),
        most: form.dataset.maxText,
      });
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
      failed(
        alert ? alert.textContent.trim() : textOf(form, "refused", { status: request.status }),
      );
    };
    request.onerror = () => failed(textOf(form, "brokenFile"));
    request.onabort = () => {
      state.stopped = true;
      failed(textOf(form, "stoppedFile"));
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
        ? textOf(form, "sent", { percent: Math.floor(bar.value), size: size(event.total) })
        : textOf(form, "checked");
  };
  request.onload = () => {
    if (request.status < 400) {
      state.sending = false;
      window.location.assign(request.responseURL);
      return;
    }
    busy(form, false);
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const answer = page.getElementById("upload-form");
    if (answer) {
      form.replaceWith(document.importNode(answer, true));
      begin();
      document.querySelector("#upload-form [role=alert]")?.scrollIntoView({ block: "nearest" });
      return;
    }
    say(form, textOf(form, "refusedAll", { status: request.status }));
  };
  request.onerror = () => {
    busy(form, false);
    say(form, textOf(form, "broken"));
  };
  request.onabort = () => {
    busy(form, false);
    say(form, textOf(form, "stopped"));
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

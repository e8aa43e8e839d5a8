// Saving as one goes: points a moment after they are chosen, feedback after a pause in typing,
// always with the version that was seen. What is not saved yet goes first when one goes on.
(() => {
  const SOON = 700;
  const AFTER_TYPING = 1500;
  const known = new WeakMap();

  const forms = () => [...document.querySelectorAll(".mark-form")];
  const valuesOf = (form) => ({
    awarded: String(Number(form.querySelector('[name="awarded"]:checked, input[type="number"][name="awarded"]')?.value)),
    feedback: form.elements.feedback.value,
    reason: form.elements.reason.value.trim(),
  });

  // What the server has; after a refusal the form came back with what was typed as its default.
  // The reason is known once it went with changed points; before, it is only proposed.
  function saved(form) {
    if (!known.has(form)) {
      known.set(form, {
        awarded: String(Number(form.dataset.saved)),
        feedback: form.closest("[data-unsaved]") ? null : form.elements.feedback.defaultValue,
        reason: null,
      });
    }
    return known.get(form);
  }

  const pointsDiffer = (form) => valuesOf(form).awarded !== saved(form).awarded;
  const isTold = (form) => saved(form).reason !== null;
  const reasonDiffers = (form) => isTold(form) && ![saved(form).reason, ""].includes(valuesOf(form).reason);
  const dirty = (form) =>
    pointsDiffer(form) || valuesOf(form).feedback !== saved(form).feedback || reasonDiffers(form);
  const stateOf = (form) => document.getElementById(`${form.closest(".mark").id}-state`);

  function say(form, text, failed = false) {
    const state = stateOf(form);
    if (!state) return;
    state.textContent = text;
    state.classList.toggle("save-failed", failed);
  }

  const TEXTS = document.querySelector("[data-save-texts]")?.dataset ?? {};

  // -- why -----------------------------------------------------------------------------------
  function showWhy(form) {
    const moved = pointsDiffer(form) || valuesOf(form).awarded !== String(Number(form.dataset.proposed));
    form.classList.toggle("why-open", moved);
  }

  function needsReason(form) {
    if (!pointsDiffer(form) || form.elements.reason.value.trim()) return false;
    form.classList.add("why-open");
    say(form, TEXTS.why, true);
    const typing = document.activeElement?.matches("textarea, input:not([type=radio])");
    if (!typing || !form.contains(document.activeElement)) form.querySelector("[data-reason]").focus();
    return true;
  }

  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-reason]");
    if (!choice) return;
    const form = choice.closest("form");
    form.elements.reason.value = choice.dataset.reason;
    // The next changes have the same reason unless another one is said.
    for (const other of forms()) {
      if (!pointsDiffer(other) && !isTold(other)) other.elements.reason.value = choice.dataset.reason;
    }
    schedule(form, 0);
    form.closest(".mark").focus();
  });

  // -- when ----------------------------------------------------------------------------------
  const timers = new WeakMap();
  function schedule(form, wait) {
    clearTimeout(timers.get(form));
    timers.set(form, setTimeout(() => attempt(form), wait));
  }

  function attempt(form) {
    clearTimeout(timers.get(form));
    if (!form.isConnected || !dirty(form)) return true;
    const number = form.querySelector('input[type="number"]');
    if (number && !number.checkValidity()) {
      say(form, `${TEXTS.failed} ${number.validationMessage}`, true);
      return false;
    }
    if (needsReason(form)) return false;
    htmx.trigger(form, "autosave");
    return true;
  }

  document.addEventListener("desk:no-such-points", (event) => {
    const { mark, points } = event.detail;
    const form = mark.querySelector(".mark-form");
    if (form) say(form, fillText(TEXTS.points, { points }), true);
  });

  document.addEventListener("input", (event) => {
    const form = event.target.closest(".mark-form");
    if (!form) return;
    if (event.target.name === "feedback") schedule(form, AFTER_TYPING);
    if (event.target.name !== "reason" && dirty(form)) say(form, "");
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest(".mark-form");
    if (!form) return;
    if (event.target.name === "awarded") showWhy(form);
    schedule(form, event.target.name === "awarded" ? SOON : 0);
  });

  // -- saving --------------------------------------------------------------------------------
  const sent = new WeakMap();
  let lastSaved = null;
  // htmx adds the button that was clicked last, also to what is saved along the way.
  document.addEventListener("htmx:configRequest", (event) => {
    const { elt, formData } = event.detail;
    if (!elt.matches(".mark-form")) return;
    formData.delete("accept");
    if (goingOn.has(elt)) formData.set("accept", "1");
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = event.detail.elt;
    if (!form.matches(".mark-form")) return;
    sent.set(form, valuesOf(form));
    say(form, TEXTS.saving);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt, xhr, successful } = event.detail;
    openConflict(elt, successful);
    if (!elt.matches(".mark-form")) return;
    const form = elt;
    if (successful) {
      const now = sent.get(form);
      const reason = isTold(form) || now.awarded !== saved(form).awarded ? now.reason : null;
      known.set(form, { ...now, reason });
      form.dataset.saved = now.awarded;
      lastSaved = form.closest(".mark")?.id ?? lastSaved;
      if (form.isConnected && dirty(form)) schedule(form, SOON);
      else if (goingOn.delete(form)) tell("desk:accepted", form.closest(".mark"));
    } else {
      goingOn.delete(form);
      if (![409, 422].includes(xhr.status)) say(form, `${TEXTS.failed} ${xhr.status === 401 ? TEXTS.signedOut : TEXTS.offline}`, true);
      else if (stateOf(form)?.dataset.needs === "reason") needsReason(form);
    }
    settle();
  });

  const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
  const goingOn = new Set();
  document.addEventListener("desk:save", (event) => {
    const form = event.detail.querySelector(".mark-form");
    form?.requestSubmit(form.querySelector("[data-save]"));
  });

  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (form.matches(".mark-form")) {
        clearTimeout(timers.get(form));
        if (needsReason(form)) {
          event.preventDefault();
          event.stopImmediatePropagation();
        } else if (event.submitter?.name === "accept") goingOn.add(form);
        return;
      }
      if (form.closest(".mark, dialog")) return;
      // Approving, undoing, hiding: what is typed is saved first.
      if (forms().some(dirty)) {
        event.preventDefault();
        event.stopImmediatePropagation();
        // The head may arrive anew meanwhile, with what was saved.
        const again = `form[action="${CSS.escape(form.getAttribute("action"))}"]`;
        flush(() => (form.isConnected ? form : document.querySelector(again))?.requestSubmit());
      } else if (!form.matches("[hx-post]")) leaving = true;
    },
    true,
  );

  // -- going on ------------------------------------------------------------------------------
  let leaving = false;
  let then = null;
  function flush(next) {
    then = next;
    const waiting = forms().filter(dirty);
    const stuck = waiting.filter((form) => !attempt(form));
    if (stuck.length) {
      then = null;
      tell("desk:go-to", stuck[0].closest(".mark"));
      needsReason(stuck[0]);
    } else settle();
  }

  function settle() {
    if (!then || document.querySelector(".mark-form.htmx-request")) return;
    const next = then;
    if (forms().some(dirty)) return;
    then = null;
    next();
  }
  document.addEventListener("htmx:afterOnLoad", () => setTimeout(settle));

  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest('a[rel="next"], a[rel="prev"], [data-other-way], [data-next-question], [data-previous-question]');
      if (!link || event.ctrlKey || event.metaKey || !forms().some(dirty)) return;
      event.preventDefault();
      flush(() => link.click());
    },
    true,
  );

  // The form to undo comes anew with each undo: one that is asked for meanwhile waits for it.
  let waitingUndos = 0;
  const undoForm = () => document.querySelector("[data-undo-form]");
  document.addEventListener("htmx:afterSettle", () => {
    const form = undoForm();
    if (!waitingUndos || !form || form.matches(".htmx-request")) return;
    waitingUndos -= 1;
    form.requestSubmit();
  });
  document.addEventListener("htmx:responseError", () => (waitingUndos = 0));
  document.addEventListener("htmx:sendError", () => (waitingUndos = 0));

  document.addEventListener("desk:undo", (event) => {
    const form = undoForm();
    if (form?.matches(".htmx-request")) {
      waitingUndos += 1;
      return;
    }
    if (form) return form.requestSubmit();
    const mark = document.getElementById(lastSaved ?? "") ?? event.detail;
    const own = mark?.querySelector(".mark-form");
    if (!own) return;
    flush(() => {
      const values = Object.fromEntries(
        ["desk", "show", "from"].map((name) => [name, own.elements[name]?.value]).filter(([, value]) => value),
      );
      htmx.ajax("POST", mark.dataset.undo, { source: mark, target: mark, swap: "outerHTML", values });
    });
  });

  window.addEventListener("beforeunload", (event) => {
    if (!leaving && forms().some(dirty)) event.preventDefault();
  });

  // -- somebody was faster -------------------------------------------------------------------
  function openConflict(elt, successful) {
    if (successful && elt.closest?.("dialog")) document.querySelector("#conflict dialog")?.remove();
    const dialog = document.querySelector("#conflict dialog:not([open])");
    dialog?.showModal();
  }
  document.addEventListener(
    "close",
    (event) => {
      if (event.target.matches?.("#conflict dialog")) event.target.remove();
    },
    true,
  );
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-edit-mine]");
    if (!button) return;
    const dialog = button.closest("dialog");
    const form = document.getElementById(`mark-${dialog.dataset.conflict}-form`);
    // Theirs has been seen now: the next save goes over it.
    form.elements.version.value = dialog.dataset.version;
    form.dataset.saved = dialog.dataset.awarded;
    known.set(form, { awarded: String(Number(dialog.dataset.awarded)), feedback: null, reason: null });
    dialog.close();
    showWhy(form);
    say(form, TEXTS.yours, true);
    form.elements.feedback.focus();
  });

  forms().forEach(showWhy);
  document.addEventListener("htmx:afterSettle", () => forms().forEach((form) => dirty(form) || showWhy(form)));
})();

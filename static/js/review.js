// The desk by keyboard: from mark to mark, from sheet to sheet, points, flags, comments, help.
// Saving is in review_save.js, the page images in review_pages.js. Everything here is also
// possible with the mouse and without script.
(() => {
  document.documentElement.classList.add("has-script");

  const byQuestion = () => Boolean(document.querySelector(".by-question"));
  const marks = () => [...document.querySelectorAll(".mark")];
  const current = () => document.querySelector(".mark.current");
  const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

  function makeCurrent(mark) {
    current()?.classList.remove("current");
    mark.classList.add("current");
  }

  function goTo(mark) {
    if (!mark) return;
    makeCurrent(mark);
    mark.focus({ preventScroll: true });
    const row = mark.closest(".by-question");
    (row ?? mark).scrollIntoView({ block: row ? "start" : "nearest" });
    tell("desk:page", mark.dataset.page);
  }

  function move(by) {
    const all = marks();
    const here = all.indexOf(current());
    goTo(all[here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1)]);
  }

  // After a mark was accepted: the next one, after the last one of the page the next page.
  function goOn(mark) {
    const all = marks();
    const next = all[all.indexOf(mark) + 1];
    if (next) goTo(next);
    else document.querySelector('a[rel="next"]')?.click();
  }
  document.addEventListener("desk:accepted", (event) => goOn(event.detail));
  document.addEventListener("desk:go-to", (event) => goTo(event.detail));

  // -- points --------------------------------------------------------------------------------
  const radiosOf = (mark) => [...mark.querySelectorAll('input[type="radio"][name="awarded"]')];
  const numberOf = (mark) => mark.querySelector('input[type="number"][name="awarded"]');

  function change(field) {
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function choose(mark, wanted) {
    const radio = radiosOf(mark).find((one) => Number(one.value) === wanted);
    const number = numberOf(mark);
    if (radio) {
      radio.checked = true;
      change(radio);
      return true;
    }
    if (number && wanted >= Number(number.min) && wanted <= Number(number.max)) {
      number.value = wanted;
      change(number);
      return true;
    }
    return false;
  }

  const pointsOf = (mark) => Number(radiosOf(mark).find((one) => one.checked)?.value ?? numberOf(mark)?.value);
  const sign = (mark) =>
    mark.querySelector('input[name="awarded"][value^="-"], input[name="awarded"][min^="-"]') ? -1 : 1;

  // Two digits soon after each other are one number, where there are such points.
  let lately = { digits: "", mark: null, at: 0 };
  function digit(mark, key) {
    const goesOn = lately.mark === mark.id && Date.now() - lately.at < 700;
    const digits = goesOn ? lately.digits + key : key;
    lately = { digits, mark: mark.id, at: Date.now() };
    if (choose(mark, sign(mark) * Number(digits))) return;
    lately.digits = key;
    if (digits === key || !choose(mark, sign(mark) * Number(key))) {
      tell("desk:no-such-points", { mark, points: sign(mark) * Number(key) });
    }
  }

  function step(mark, by) {
    const radios = radiosOf(mark);
    const number = numberOf(mark);
    if (number) {
      by > 0 ? number.stepUp() : number.stepDown();
      change(number);
    }
    const here = radios.findIndex((one) => one.checked);
    const next = radios[here + by];
    if (here >= 0 && next) {
      next.checked = true;
      change(next);
    }
  }

  // -- one mark ------------------------------------------------------------------------------
  function flag(mark) {
    const lower = mark.querySelector("[data-unflag]");
    if (lower) return lower.click();
    const details = mark.querySelector(".flag-form");
    if (!details) return;
    details.open = true;
    details.querySelector('[name="note"]').focus();
  }

  // The answer to the appeal of this mark, else of the next one that has any, from the top again.
  function answer(mark) {
    const fields = [...document.querySelectorAll(".mark [data-answer]")];
    const after = (field) => mark.compareDocumentPosition(field) & Node.DOCUMENT_POSITION_FOLLOWING;
    const field = fields.find((one) => !mark || mark.contains(one) || after(one)) ?? fields[0];
    goTo(field?.closest(".mark"));
    field?.focus();
  }

  function whyFocus(mark) {
    mark.querySelector(".mark-form")?.classList.add("why-open");
    mark.querySelector('[name="reason"]')?.focus();
  }

  function onMark(key, mark) {
    if (/^[0-9]$/.test(key)) return digit(mark, key);
    if (key === ".") return choose(mark, pointsOf(mark) + 0.5 * sign(mark));
    if (key === "+") return step(mark, 1);
    if (key === "-") return step(mark, -1);
    if (key === "f") return mark.querySelector('[name="feedback"]')?.focus();
    if (key === "r") return whyFocus(mark);
    if (key === "c") return mark.querySelector("[data-comments]")?.click();
    if (key === "m") return flag(mark);
    if (key === "h") return mark.querySelector("[data-history]")?.click();
    if (key === "s") return tell("desk:save", mark);
  }

  const VIEW = { z: "in", x: "out", w: "whole", t: "turn" };
  const CLICKS = {
    n: 'a[rel="next"]',
    p: 'a[rel="prev"]',
    "]": "[data-next-question]",
    "[": "[data-previous-question]",
  };

  function onDesk(key, mark) {
    if (VIEW[key]) tell("desk:view", VIEW[key]);
    else if (CLICKS[key]) document.querySelector(CLICKS[key])?.click();
    else if (key === "a" && byQuestion()) mark && tell("desk:save", mark);
    else if (key === "a") document.querySelector("[data-approve]")?.requestSubmit();
    else if (key === "u") tell("desk:undo", mark);
    else if (key === "e") answer(mark);
    else if (key === "q") (mark ?? marks()[0])?.querySelector("[data-other-way]")?.click();
    else if (key === "b") document.querySelector("[data-reveal]")?.requestSubmit();
    else if (key === "/") (document.querySelector("#question-head .nav-link") ?? document.querySelector("[data-lists]"))?.focus();
    else if (key === "?") document.querySelector("dialog.keys")?.showModal();
    else return false;
    return true;
  }

  function inPalette(palette, key) {
    if (key === "Escape") {
      const mark = palette.closest(".mark");
      palette.remove();
      goTo(mark);
    } else if (key === "+") palette.querySelector("[data-keep]").click();
    else {
      const button = palette.querySelector(`[data-key="${CSS.escape(key)}"]`);
      if (!button) return false;
      button.click();
    }
    return true;
  }

  const typing = (target) =>
    target.closest('textarea, select, [contenteditable], input:not([type="radio"]):not([type="checkbox"])');

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.defaultPrevented || event.altKey || event.metaKey) return;
    if (document.querySelector("dialog[open]")) return;
    document.querySelector(".desk-say")?.remove();
    const mark = target.closest(".mark") || current();
    // What has just arrived is not htmx's for a moment: a key would leave the desk by its links.
    for (const part of [mark, ...document.querySelectorAll("#sheet-head, #question-head")]) part && htmx.process(part);
    if (event.ctrlKey) {
      if (key === "Enter" && mark) {
        event.preventDefault();
        if (target.matches("[data-answer]")) target.form.requestSubmit();
        else tell("desk:save", mark);
      }
      return;
    }
    if (typing(target)) {
      if (key === "Escape") (mark || document.body).focus();
      return;
    }
    const palette = target.closest("[data-palette]");
    const choices = target.closest(".why-choices");
    const onRadio = target.matches('input[type="radio"]');
    const inPages = target.closest(".desk-pages");
    if (palette && inPalette(palette, key)) event.preventDefault();
    else if (choices && /^[1-9]$/.test(key)) choices.children[Number(key) - 1]?.click();
    else if (choices && key === "Escape") mark.focus();
    else if (event.shiftKey && /^Arrow/.test(key)) tell("desk:view", key);
    else if (key === "j" || (key === "ArrowDown" && !onRadio && !inPages)) move(1);
    else if (key === "k" || (key === "ArrowUp" && !onRadio && !inPages)) move(-1);
    else if (onDesk(key, mark)) event.preventDefault();
    else if (mark && /^[0-9.+\-frcmhs]$/.test(key)) onMark(key, mark);
    else return;
    event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const clicked = (what) => event.target.closest(what);
    if (clicked("[data-help]")) document.querySelector("dialog.keys")?.showModal();
    if (clicked("[data-close-palette]")) inPalette(clicked("[data-palette]"), "Escape");
    const view = clicked("[data-view]");
    if (view) tell("desk:view", view.dataset.view);
  });

  document.addEventListener("focusin", (event) => {
    const mark = event.target.closest(".mark");
    if (mark && mark !== current()) makeCurrent(mark);
  });

  // A card that arrives whole stays the current one and keeps the keyboard; an opened palette
  // gets it.
  let swapping = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.matches(".mark")) swapping = event.detail.target.id;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (swapping) {
      goTo(document.getElementById(swapping));
      swapping = null;
    }
    if (event.target.matches?.("[data-history-place]")) event.target.scrollIntoView({ block: "nearest" });
    const palette = event.target.closest?.(".palette-place")?.querySelector("[data-palette]");
    (palette?.querySelector("[data-key]") ?? palette?.querySelector("h3"))?.focus();
  });
})();

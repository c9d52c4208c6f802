// Copy buttons: shown only where the clipboard works. Everything else works without this file.
(() => {
  const prepare = (root) => {
    if (!navigator.clipboard) return;
    root.querySelectorAll(".js-copy[hidden]").forEach((button) => { button.hidden = false; });
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest && event.target.closest(".js-copy");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    const text = button.querySelector("span");
    const before = text.textContent;
    text.textContent = button.dataset.done;
    setTimeout(() => { text.textContent = before; }, 1500);
  });
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button && !button.name) setTimeout(() => { button.disabled = true; button.dataset.busy = ""; }, 0);
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("button[data-busy]").forEach((button) => { button.disabled = false; });
  });
  // A tap is lost where its button is replaced or moves away under the finger: what arrives meanwhile is shown after it.
  const held = [];
  let pressed = false;
  let released;
  document.addEventListener("pointerdown", () => { clearTimeout(released); pressed = true; });
  ["pointerup", "pointercancel"].forEach((name) => document.addEventListener(name, () => {
    clearTimeout(released);
    released = setTimeout(() => { pressed = false; held.splice(0).forEach((one) => window.htmx.swap(one)); }, 100);
  }));
  document.addEventListener("htmx:before:swap", (event) => {
    if (!pressed) return;
    event.preventDefault();
    held.push(event.detail.ctx);
  });
  document.addEventListener("htmx:after:swap", () => prepare(document));
  prepare(document);
})();

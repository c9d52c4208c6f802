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
  document.addEventListener("htmx:after:swap", () => prepare(document));
  prepare(document);
})();

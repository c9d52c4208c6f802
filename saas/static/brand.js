// The preview of a merchant's page follows the form. Without this file it shows what is saved.
(() => {
  const preview = document.querySelector(".brand-preview");
  const form = document.querySelector("form:has([name=colour])");
  if (!preview || !form) return;
  const PAPER = "#f5f7f6";
  const parts = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const luminance = (colour) => {
    const [red, green, blue] = parts(colour).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const inkOn = (colour) => (contrast(colour, "#ffffff") >= 4.5 ? "#ffffff" : "#000000");
  const readable = (colour) => {
    for (let percent = 100; percent > 0; percent -= 2) {
      const shade = "#" + parts(colour).map((part) => Math.floor((part * percent) / 100).toString(16).padStart(2, "0")).join("");
      if (contrast(shade, PAPER) >= 5) return shade;
    }
    return "#000000";
  };
  const show = () => {
    const colour = form.elements.colour.value.toLowerCase();
    if (!/^#[0-9a-f]{6}$/.test(colour)) return;
    const text = readable(colour);
    const fill = contrast(colour, PAPER) >= 3 ? colour : text;
    const plain = colour === preview.dataset.plain;
    preview.classList.toggle("brand-plain", plain);
    const values = { brand: colour, "brand-ink": inkOn(colour), "brand-text": text, "brand-fill": fill, "brand-fill-ink": inkOn(fill) };
    Object.entries(values).forEach(([name, value]) => {
      if (plain) preview.style.removeProperty(`--${name}`);
      else preview.style.setProperty(`--${name}`, value);
    });
    preview.querySelector(".brand-name").textContent = form.elements.name.value.trim() || preview.dataset.name;
    const contact = preview.querySelector("[data-contact]");
    const given = form.elements.contact.value.trim();
    contact.textContent = given ? contact.dataset.contact + given : "";
  };
  form.addEventListener("input", show);
  show();
})();

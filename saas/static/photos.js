// Photos of a phone are made smaller before they are sent, and sent as soon as they are chosen. Without this file, or
// where a browser cannot read a format, the button sends them as they are and the server makes them fit.
(() => {
  const LONGEST = 2600, LARGEST = 10 * 1024 * 1024, SMALL = 600 * 1024;
  const shrink = async (file) => {
    if (!file.type.startsWith("image/") || file.size <= SMALL || !window.createImageBitmap) return file;
    try {
      const image = await createImageBitmap(file, { imageOrientation: "from-image" });
      const scale = Math.min(1, LONGEST / Math.max(image.width, image.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(image.width * scale);
      canvas.height = Math.round(image.height * scale);
      const paper = canvas.getContext("2d");
      paper.fillStyle = "#fff";
      paper.fillRect(0, 0, canvas.width, canvas.height);
      paper.drawImage(image, 0, 0, canvas.width, canvas.height);
      image.close();
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.86));
      return blob && blob.size < file.size ? new File([blob], "photo.jpg", { type: "image/jpeg" }) : file;
    } catch { return file; }
  };
  document.addEventListener("change", async (event) => {
    const input = event.target, form = input.closest && input.closest("form.js-photos");
    if (!form || input.type !== "file" || !input.files.length) return;
    const say = form.querySelector("[role=status]");
    say.textContent = form.dataset.busy;
    const files = [];
    for (const file of input.files) files.push(await shrink(file));
    if (files.reduce((sum, file) => sum + file.size, 0) > LARGEST) {
      say.textContent = form.dataset.large;
      input.value = "";
      return;
    }
    try {
      const chosen = new DataTransfer();
      files.forEach((file) => chosen.items.add(file));
      input.files = chosen.files;
    } catch { /* the files go as they are */ }
    form.submit();
  });
})();

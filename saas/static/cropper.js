// Choosing the square of an avatar by hand. Writes the three numbers that work without this file, too: size in percent
// of the shorter side, x and y in percent of the room that is left.
(() => {
  const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
  document.querySelectorAll(".js-crop").forEach((root) => {
    const [file, stage, image, square] = [".form-control[type=file]", ".crop-stage", "img", ".crop-square"].map((one) => root.querySelector(one));
    const zoom = root.querySelector(".crop-zoom");
    const range = zoom.querySelector("input");
    const field = Object.fromEntries(["x", "y", "size"].map((name) => [name, root.querySelector(`[name=${name}]`)]));
    const number = (name, otherwise) => clamp(Number.isFinite(parseFloat(field[name].value)) ? parseFloat(field[name].value) : otherwise, name === "size" ? 1 : 0, 100);
    square.setAttribute("aria-label", root.dataset.move);

    const draw = () => {
      const side = Math.min(image.clientWidth, image.clientHeight) * number("size", 100) / 100;
      square.style.width = square.style.height = `${side}px`;
      square.style.left = `${(image.clientWidth - side) * number("x", 50) / 100}px`;
      square.style.top = `${(image.clientHeight - side) * number("y", 50) / 100}px`;
      range.value = number("size", 100);
    };
    const move = (right, down) => {
      const room = { x: image.clientWidth - square.offsetWidth, y: image.clientHeight - square.offsetHeight };
      for (const [name, by] of [["x", right], ["y", down]]) {
        if (room[name] > 0) field[name].value = clamp(number(name, 50) + by * 100 / room[name], 0, 100).toFixed(1);
      }
      draw();
    };
    file.addEventListener("change", () => {
      const chosen = file.files[0];
      stage.hidden = zoom.hidden = true;
      if (!chosen) return;
      const reader = new FileReader();
      reader.addEventListener("load", () => { image.src = reader.result; });
      reader.readAsDataURL(chosen);
    });
    image.addEventListener("load", () => {
      stage.hidden = zoom.hidden = false;
      Object.values(field).forEach((one) => { one.value = ""; });
      draw();
    });
    range.addEventListener("input", () => { field.size.value = range.value; draw(); });
    Object.values(field).forEach((one) => one.addEventListener("input", draw));
    square.addEventListener("pointerdown", (event) => { square.setPointerCapture(event.pointerId); event.preventDefault(); square.focus(); });
    square.addEventListener("pointermove", (event) => {
      if (square.hasPointerCapture(event.pointerId)) move(event.movementX, event.movementY);
    });
    square.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-4, 0], ArrowRight: [4, 0], ArrowUp: [0, -4], ArrowDown: [0, 4] }[event.key];
      if (step) { event.preventDefault(); move(...step); }
    });
    window.addEventListener("resize", draw);
  });
})();

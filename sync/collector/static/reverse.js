// Makes a photograph small before it is sent, and sends it as soon as it was taken. Without this it is a plain form.
"use strict";
(() => {
  const form = document.querySelector("[data-reverse]");
  if (!form) return;
  const LONGEST = 1920, QUALITY = 0.85;
  const picture = form.querySelector("#picture"), send = form.querySelector("[data-send]"), sending = form.querySelector("[data-sending]");
  form.closest(".reverse").classList.add("scripted");
  send.hidden = true;

  async function smaller(file) {
    const bitmap = await createImageBitmap(file);
    const scale = LONGEST / Math.max(bitmap.width, bitmap.height);
    if (scale >= 1) return null;
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(bitmap.width * scale);
    canvas.height = Math.round(bitmap.height * scale);
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
    return blob && new File([blob], "photograph.jpg", { type: "image/jpeg" });
  }

  picture.addEventListener("change", async () => {
    if (!picture.files.length) return;
    sending.hidden = false;
    try {
      const file = await smaller(picture.files[0]);
      if (file) {
        const replaced = new DataTransfer();
        replaced.items.add(file);
        picture.files = replaced.files;
      }
    } catch {
      // An old browser, or no picture: the centre looks at it as it is, and says what is wrong.
    }
    form.requestSubmit();
  });
})();

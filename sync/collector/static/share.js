// The declaration code onto the clipboard, or into another app: 复制号码, 分享.
"use strict";

for (const group of document.querySelectorAll("[data-share]")) {
  const said = group.querySelector("[data-said]");
  const send = group.querySelector("[data-send]");
  group.hidden = false;
  group.querySelector("[data-copy]").addEventListener("click", async (event) => {
    try {
      await navigator.clipboard.writeText(event.currentTarget.dataset.copy); // only over https, or on this machine
      said.textContent = group.dataset.done;
    } catch {
      said.textContent = group.dataset.failed;
    }
  });
  if (!navigator.share) continue;
  send.hidden = false;
  send.addEventListener("click", () => navigator.share({ text: group.dataset.text }).catch(() => {})); // closed again
}

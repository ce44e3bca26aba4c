// Pictures open in place, one after the other. Without this script each of them is a link to itself.
for (const gallery of document.querySelectorAll("[data-gallery]")) {
  const links = [...gallery.querySelectorAll("[data-picture]")];
  const box = gallery.querySelector("[data-lightbox]");
  const picture = box.querySelector("[data-lightbox-picture]");
  const text = box.querySelector("[data-lightbox-text]");
  const count = box.querySelector("[data-count-text]");
  const rtl = getComputedStyle(gallery).direction === "rtl";
  let shown = 0;

  const show = (place) => {
    shown = (place + links.length) % links.length;
    const small = links[shown].querySelector("img");
    picture.src = links[shown].href;
    picture.alt = small.alt;
    picture.width = small.width;
    picture.height = small.height;
    text.textContent = small.alt;
    count.textContent = `${shown + 1} / ${links.length}`;
  };
  const open = (place) => {
    show(place);
    box.showModal();
  };

  for (const [place, link] of links.entries()) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      open(place);
    });
  }
  const all = gallery.querySelector("[data-gallery-open]");
  if (all) {
    all.hidden = false;
    all.addEventListener("click", () => open(0));
  }
  box.querySelector("[data-lightbox-close]").addEventListener("click", () => box.close());
  for (const button of box.querySelectorAll("[data-lightbox-step]")) {
    button.hidden = links.length < 2;
    button.addEventListener("click", () => show(shown + Number(button.dataset.lightboxStep)));
  }
  box.addEventListener("click", (event) => event.target.matches("dialog, figure") && box.close());
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: rtl ? -1 : 1, ArrowLeft: rtl ? 1 : -1 }[event.key];
    if (step) show(shown + step);
  });
  // A finger's swipe, as far as a thumb reaches.
  let from = null;
  box.addEventListener("pointerdown", (event) => (from = event.clientX));
  box.addEventListener("pointerup", (event) => {
    const way = from === null ? 0 : event.clientX - from;
    from = null;
    if (Math.abs(way) > 48) show(shown + (way < 0 !== rtl ? 1 : -1));
  });
}

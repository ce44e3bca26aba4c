// Suggests cities and hotels while somebody types a destination; without it the field takes any name.
const field = document.querySelector("[data-places]");
const list = field && document.getElementById(field.getAttribute("list"));
let timer = 0;
let asked = "";

async function suggest() {
  const text = field.value.trim();
  if (text.length < 2 || text === asked) return;
  asked = text;
  try {
    const answer = await fetch(`${field.dataset.places}?q=${encodeURIComponent(text)}&limit=8`);
    if (!answer.ok || field.value.trim() !== text) return;
    const hits = (await answer.json()).results ?? [];
    list.replaceChildren(...hits.map((hit) => {
      const option = document.createElement("option");
      option.value = hit.name;
      option.label = [hit.city, hit.region, hit.country].filter(Boolean).join(", ");
      return option;
    }));
  } catch { /* no suggestions then */ }
}

field?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(suggest, 180);
});

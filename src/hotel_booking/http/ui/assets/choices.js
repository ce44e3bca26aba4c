// Long lists of boxes to tick are narrowed by what is typed above them, and count what is ticked.
for (const field of document.querySelectorAll("[data-choices]")) {
  const search = field.querySelector("[data-choices-search]");
  const input = search.querySelector("input");
  const count = field.querySelector("legend .count");
  search.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const topic of field.querySelectorAll(".topic")) {
      let shown = 0;
      for (const choice of topic.querySelectorAll("label")) {
        choice.hidden = !choice.textContent.toLowerCase().includes(wanted);
        shown += choice.hidden ? 0 : 1;
      }
      topic.hidden = shown === 0;
    }
  });
  // Enter would send the form while somebody is only looking for a word.
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
  field.addEventListener("change", () => {
    count.textContent = field.querySelectorAll('input[type="checkbox"]:checked').length;
  });
}

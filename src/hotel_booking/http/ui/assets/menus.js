// Menus are details that open by themselves; here they close by Escape, by a press outside and when the focus leaves,
// and one of them is open at a time.
const opened = () => document.querySelectorAll(":is(details.menu, details.site-menu)[open]");

function shutOthers(target) {
  for (const menu of opened()) if (!menu.contains(target)) menu.open = false;
}

document.addEventListener("click", (event) => shutOthers(event.target));
document.addEventListener("focusin", (event) => shutOthers(event.target));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  for (const menu of opened()) {
    const inside = menu.contains(document.activeElement);
    menu.open = false;
    if (inside) menu.querySelector("summary").focus();
  }
});

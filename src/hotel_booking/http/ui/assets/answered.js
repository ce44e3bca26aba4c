// A page that answers a form takes the address that it can be read at: else the browser asks whether to send the form
// again, or shows an error of its own, where somebody comes back to the page or loads it anew.
const own = document.querySelector('meta[name="own-address"]').content;
history.replaceState(history.state, "", own + location.hash);

// Stripe's own card form: the number goes from its frame to Stripe and never through us. The server asks Stripe what
// became of it, whatever this page says.
const form = document.querySelector("[data-client-secret]");
const button = form?.querySelector("button");
const problem = document.getElementById("card-problem");

function say(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

function start() {
  const stripe = window.Stripe(form.dataset.stripeKey, { locale: form.dataset.language });
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const elements = stripe.elements({ clientSecret: form.dataset.clientSecret, appearance: { theme: dark ? "night" : "stripe" } });
  elements.create("payment").mount("#card-fields");
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    say("");
    const confirm = { elements, redirect: "if_required", confirmParams: { return_url: form.dataset.return } };
    const { error } = form.dataset.clientSecret.startsWith("seti_") ? await stripe.confirmSetup(confirm) : await stripe.confirmPayment(confirm);
    if (error) {
      say(error.message ?? "");
      button.disabled = false;
      return;
    }
    location.assign(form.dataset.return);
  });
}

if (form) {
  if (window.Stripe) start();
  else window.addEventListener("load", () => window.Stripe && start());
}

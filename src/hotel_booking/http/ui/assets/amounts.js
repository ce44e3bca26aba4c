// How a typed amount of money is read in the grid: the rules of core/amounts.py, where they are explained; one table of
// cases tests both. What comes out is the text that the server writes into its forms, and reads back as the same.

const POINT = "\ue000"; // only ever the decimal sign
const GROUP = "\ue001"; // only ever between thousands
const SIGNS = Object.fromEntries([
  ...[..."\u2212\u2010\u2011\u2012\u2013\ufe63"].map((sign) => [sign, "-"]),
  ...[..."'\u2019\u02bc\u2018\uff07\u066c"].map((sign) => [sign, GROUP]),
  ["\u066b", POINT],
  ["\u060c", ","],
]);
const THREES = /^\d{1,3}(?:S\d{3})+$/;
const INDIAN = /^\d{1,2}(?:S\d{2})+S\d{3}$/;

// A digit of any script: those of a script stand in order, and its nought is the first of ten.
function digit(sign) {
  const latin = sign.normalize("NFKC");
  if (/^\d$/.test(latin)) return latin;
  const code = sign.codePointAt(0);
  let value = 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value++;
  return String(value);
}

function plain(text) {
  let out = "";
  for (const sign of text) {
    if (sign in SIGNS) out += SIGNS[sign];
    else if (/\d/.test(sign)) out += sign;
    else if (/\p{Nd}/u.test(sign)) out += digit(sign);
    else if (/\p{Zs}|\t/u.test(sign)) out += " ";
    else if (!/\p{Cf}/u.test(sign)) out += /\p{No}|\p{Nl}|\p{Co}/u.test(sign) ? sign : sign.normalize("NFKC");
  }
  return out.trim();
}

const signed = (text) => (/^[-+]/.test(text) ? [text[0], text.slice(1).trim()] : ["", text]);

function grouped(text) {
  const signs = new Set(text.replace(/\d/g, ""));
  if (signs.size !== 1 || signs.has(POINT) || text.startsWith("0")) return [];
  const even = text.replace(/\D/g, "S");
  return THREES.test(even) || (signs.has(",") && INDIAN.test(even)) ? [even.replaceAll("S", "")] : [];
}

// What the digits may mean, as [whole, part]: nothing, one value, or two (with thousands first).
function readings(text) {
  const between = text.replace(/\d/g, "");
  if (!between) return [[text, ""]];
  const last = between.at(-1);
  if (last === GROUP || between.split(last).length > 2) return grouped(text).map((whole) => [whole, ""]);
  const at = text.lastIndexOf(last);
  const [head, tail] = [text.slice(0, at), text.slice(at + 1)];
  if (!tail) return [];
  const wholes = head === "" ? ["0"] : /^\d+$/.test(head) ? [head] : grouped(head);
  const decimal = wholes.map((whole) => [whole, tail]);
  if (last === POINT || between.length > 1 || tail.length !== 3 || head.length < 1 || head.length > 3 || head[0] === "0") return decimal;
  return [[head + tail, ""], ...decimal];
}

const thousands = (whole) => String(BigInt(whole)).replace(/\B(?=(\d{3})+$)/g, ",");

// A decimal with two digits at least, and no more than it needs.
function said([whole, part]) {
  const exact = part.replace(/0+$/, "");
  return exact ? `${BigInt(whole)}.${exact.padEnd(2, "0")}` : String(BigInt(whole));
}

// Minor units as a form holds them.
function field(minor, digits) {
  const sign = minor < 0n ? "-" : "";
  const text = String(minor < 0n ? -minor : minor).padStart(digits + 1, "0");
  if (!digits) return sign + text;
  let part = text.slice(-digits);
  if (digits === 3) part = part.endsWith("0") ? part.slice(0, -1) : `${part}0`;
  return `${sign}${text.slice(0, -digits)}.${part}`;
}

// The amount as it is typed; the two nearest that can be charged, where it cannot itself.
function near([whole, part], sign, digits, step) {
  const long = Math.max(part.length, digits);
  const exact = sign * BigInt(whole + part.padEnd(long, "0"));
  const unit = 10n ** BigInt(long - digits) * BigInt(step);
  const below = exact / unit - (exact % unit < 0n ? 1n : 0n);
  const ends = exact % unit === 0n ? [below] : [below, below + 1n];
  return ends.map((end) => field(end * BigInt(step), digits));
}

// The text of the amount; throws an Error that says what is wrong and what to type.
export function readMoney(typed, { currency, digits, step, words }) {
  const quoted = `“${typed.trim().slice(0, 40)}”`;
  let [sign, text] = signed(plain(typed));
  const small = text.toLowerCase();
  for (const word of [currency.toLowerCase(), ...words].sort((a, b) => b.length - a.length)) {
    if (small.startsWith(word)) {
      const [inner, rest] = signed(text.slice(word.length).trim());
      [sign, text] = [sign + inner, rest];
      break;
    }
    if (small.endsWith(word)) {
      text = text.slice(0, -word.length).trim();
      break;
    }
  }
  if (/\p{L}|\p{M}|\p{Sc}/u.test(text)) throw new Error(`${quoted} is not an amount of ${currency}: type the amount alone`);
  text = text.replace(/(?<=\d) (?=\d)/g, GROUP);
  const found = typed.length <= 60 && sign.length < 2 && new RegExp(`^[\\d.,${POINT}${GROUP}]+$`).test(text) && text.replace(/\D/g, "").length <= 15 ? readings(text) : [];
  const one = sign === "-" ? -1n : 1n;
  if (!found.length) throw new Error(`${quoted} is not an amount of money: such as ${field(129n * 10n ** BigInt(digits), digits)}`);
  const [first, second] = found;
  if (second) {
    const whole = near(first, one, digits, step)[0].replace(/\.0+$/, "");
    const minus = one < 0n ? "-" : "";
    throw new Error(`${quoted} could be ${minus}${thousands(first[0])} or ${minus}${said(second)} ${currency}: type ${whole} or ${near(second, one, digits, step).join(" or ")}`);
  }
  const ends = near(first, one, digits, step);
  if (ends.length > 1) throw new Error(`${quoted} is too precise: ${currency} is charged in steps of ${steps(digits, step)}. Type ${ends.join(" or ")}`);
  return ends[0];
}

function steps(digits, step) {
  const text = String(step).padStart(digits + 1, "0");
  return digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text;
}

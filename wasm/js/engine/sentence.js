// Fills the values into the sentence of a reason (generated/reasons.js).

export function sentence(text, values) {
  return text.includes('{') ? text.replace(/\{(\d)\}/g, (_, place) => values()[place]) : text;
}

// @ts-check
// Instants as a clock on the wall of a zone shows them.

/** @param {Date} moment @param {string} zone @returns {Record<string, string>} */
function parts(moment, zone) {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, weekday: "short", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  });
  return Object.fromEntries(format.formatToParts(moment).map((part) => [part.type, part.value]));
}

/** The value of a `datetime-local` field. @param {Date} moment @param {string} zone */
export function wall(moment, zone) {
  const part = parts(moment, zone);
  return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
}

/** `Wed 25, 12:00 – 18:00`. @param {Date} start @param {Date} end @param {string} zone */
export function stretch(start, end, zone) {
  const one = parts(start, zone), other = parts(end, zone);
  const same = one.day === other.day && one.month === other.month;
  const until = same ? "" : `${other.weekday} ${Number(other.day)}, `;
  return `${one.weekday} ${Number(one.day)}, ${one.hour}:${one.minute} – ${until}${other.hour}:${other.minute}`;
}

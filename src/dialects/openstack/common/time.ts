/**
 * OpenStack prints times in three forms. All take microseconds since the epoch and print UTC.
 */

/** `2026-01-31T10:00:00Z`: most of Nova, Neutron and Glance. */
export function isoSeconds(micros: number): string {
  return `${secondsText(micros)}Z`;
}

/** `2026-01-31T10:00:00.000000`: Cinder, and Nova's instance actions and `OS-SRV-USG` times. */
export function isoMicros(micros: number): string {
  return `${secondsText(micros)}.${String(micros % 1_000_000).padStart(6, '0')}`;
}

/** `2026-01-31T10:00:00.000000Z`: Keystone. */
export function isoMicrosZ(micros: number): string {
  return `${isoMicros(micros)}Z`;
}

function secondsText(micros: number): string {
  return new Date(Math.floor(micros / 1000)).toISOString().slice(0, 19);
}

const timePattern =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,6})\d*)?)?\s?(Z|[+-]\d{2}(?::?\d{2})?)?$/i;

/**
 * Microseconds since the epoch of an ISO 8601 time as clients send it: with `T` or a blank, with or without fraction
 * and zone (UTC where there is none). Undefined when it is no such time.
 */
export function parseTime(text: string): number | undefined {
  const match = timePattern.exec(text.trim());
  if (!match) return undefined;
  const [, day, clock = '00:00:00', fraction = '', zone = 'Z'] = match;
  if (!isDay(day!)) return undefined;
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : fullOffset(zone);
  const millis = Date.parse(`${day}T${clock.length === 5 ? `${clock}:00` : clock}${offset}`);
  return Number.isNaN(millis) ? undefined : millis * 1000 + Number(fraction.padEnd(6, '0'));
}

/** Whether the month has such a day: JavaScript takes the 30th of February for the 2nd of March. */
function isDay(day: string): boolean {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

function fullOffset(zone: string): string {
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

import i18n from 'i18next';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined) return '–';
  const power = count === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10));
  const value = count / 2 ** (10 * power);
  return `${number(value, value < 10 && power > 0 ? 1 : 0)} ${units[power]}`;
}

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(i18n.language, { maximumFractionDigits: digits }).format(value);
}

export function dateTime(text: string | null | undefined): string {
  if (!text) return '–';
  return new Intl.DateTimeFormat(i18n.language, { dateStyle: 'medium', timeStyle: 'medium' }).format(moment(text));
}

const spans: Array<[Intl.RelativeTimeFormatUnit, number]> = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** As `3 minutes ago`. */
export function ago(text: string | null | undefined, now = Date.now()): string {
  if (!text) return '–';
  const seconds = (moment(text).getTime() - now) / 1000;
  const [unit, length] = spans.find(([, size]) => Math.abs(seconds) >= size) ?? spans.at(-1)!;
  const format = new Intl.RelativeTimeFormat(i18n.language, { numeric: 'auto' });
  return format.format(Math.round(seconds / length), unit);
}

/** As `1.2 s` or `3 m 04 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.floor(milliseconds / 60_000)} m ${String(Math.floor((milliseconds % 60_000) / 1000)).padStart(2, '0')} s`;
}

/** Times without a zone are UTC. */
export function moment(text: string): Date {
  return new Date(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
}

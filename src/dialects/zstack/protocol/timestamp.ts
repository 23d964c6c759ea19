const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Microseconds since the epoch as `Nov 14, 2016 2:46:32 PM`, in the server's own time zone, as the dialect prints times. */
export function formatTimestamp(micros: number): string {
  const time = new Date(Math.floor(micros / 1000));
  const hours = time.getHours();
  const clock = `${hours % 12 || 12}:${twoDigits(time.getMinutes())}:${twoDigits(time.getSeconds())}`;
  return `${months[time.getMonth()]} ${time.getDate()}, ${time.getFullYear()} ${clock} ${hours < 12 ? 'AM' : 'PM'}`;
}

const printed = /^([A-Z][a-z]{2}) (\d{1,2}), (\d{4}) (\d{1,2}):(\d{2}):(\d{2}) (AM|PM)$/;
const sql = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?$/;
const zoned = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/;

/**
 * Reads what `formatTimestamp` prints, and `2016-11-14 14:46:32` (server time), and ISO 8601 with a zone. Microseconds
 * since the epoch; undefined for text that is no time.
 */
export function parseTimestamp(text: string): number | undefined {
  const own = printed.exec(text);
  if (own) {
    const [, month, day, year, hour, minute, second, half] = own;
    const hours = (Number(hour) % 12) + (half === 'PM' ? 12 : 0);
    return micros(new Date(Number(year), months.indexOf(month!), Number(day), hours, Number(minute), Number(second)));
  }
  const plain = sql.exec(text);
  if (plain) {
    const [, year, month, day, hour = 0, minute = 0, second = 0] = plain;
    return micros(new Date(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)));
  }
  return zoned.test(text) ? micros(new Date(text)) : undefined;
}

function micros(time: Date): number | undefined {
  const value = time.getTime() * 1000;
  return Number.isNaN(value) ? undefined : value;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

/** One thing looked at. A `problem` keeps the cloud from working; a `warning` keeps it from working well. */
export interface Check {
  name: string;
  state: 'ok' | 'warning' | 'problem';
  detail: string;
  /** What to do about it. */
  advice?: string;
}

/** What columns hold: one form for both databases. */

export type Flag = 0 | 1;

/** JSON text. */
export type Json = string;

/** Microseconds since the epoch. */
export type Micros = number;

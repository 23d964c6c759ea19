/** Clients write booleans in queries as `True`, `true`, `1`, `yes` and so on. Undefined for none and for other texts. */
export function queryBoolean(text: string | undefined): boolean | undefined {
  switch (text?.toLowerCase()) {
    case 'true':
    case '1':
    case 'yes':
    case 'on':
      return true;
    case 'false':
    case '0':
    case 'no':
    case 'off':
      return false;
    default:
      return undefined;
  }
}

/** A key that counts by being there, as in `?effective`; `=0` and `=false` take it back. */
export function queryFlag(text: string | undefined): boolean {
  return text !== undefined && queryBoolean(text) !== false;
}

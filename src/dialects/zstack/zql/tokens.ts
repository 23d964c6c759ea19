import { createToken, Lexer, type TokenType } from 'chevrotain';

/** What names begin with. Keywords are names too wherever a name must stand. */
export const Name = createToken({ name: 'Name', pattern: /[A-Za-z_][A-Za-z0-9_]*/ });

const words = [
  'query',
  'count',
  'sum',
  'where',
  'and',
  'or',
  'not',
  'in',
  'like',
  'has',
  'is',
  'null',
  'restrict',
  'by',
  'return',
  'with',
  'group',
  'order',
  'asc',
  'desc',
  'limit',
  'offset',
  'filter',
  'named',
  'as',
  'true',
  'false',
] as const;

type Word = (typeof words)[number];

export const keywords = Object.fromEntries(
  words.map((word) => {
    const pattern = new RegExp(`${word}(?![A-Za-z0-9_])`, 'i');
    return [word, createToken({ name: word, pattern, categories: [Name], longer_alt: Name, line_breaks: false })];
  }),
) as Record<Word, TokenType>;

export const Text = createToken({
  name: 'Text',
  pattern: /'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"/,
  line_breaks: true,
});
export const Numeral = createToken({ name: 'Numeral', pattern: /-?\d+(?:\.\d+)?/ });
export const Comparator = createToken({ name: 'Comparator', pattern: /!=|>=|<=|=|>|</ });
export const Dot = createToken({ name: 'Dot', pattern: /\./ });
export const Comma = createToken({ name: 'Comma', pattern: /,/ });
export const Semicolon = createToken({ name: 'Semicolon', pattern: /;/ });
export const Open = createToken({ name: 'Open', pattern: /\(/ });
export const Close = createToken({ name: 'Close', pattern: /\)/ });
const Space = createToken({ name: 'Space', pattern: /\s+/, group: Lexer.SKIPPED, line_breaks: true });

export const tokens: TokenType[] = [
  Space,
  Text,
  Numeral,
  Comparator,
  Dot,
  Comma,
  Semicolon,
  Open,
  Close,
  ...Object.values(keywords),
  Name,
];

export const lexer = new Lexer(tokens);

/** `'it\'s'` → `it's` */
export function unquoted(image: string): string {
  return image.slice(1, -1).replaceAll(/\\([\s\S])/g, '$1');
}

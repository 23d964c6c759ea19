import { type Parsing, region, unsafe } from './parser.ts';

/** QED, a forgotten format with backing files of its own: recognised in order to be refused. */
export function* qed(): Parsing<undefined> {
  const head = yield* region(0, 4);
  if (head.toString('latin1') !== 'QED\0') return undefined;
  throw unsafe('QED images are not accepted.');
}

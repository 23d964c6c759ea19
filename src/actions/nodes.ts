import { DatabaseUnavailable } from '../database/database.ts';
import type { ActionFailure, Node, Span, Step } from './definition.ts';
import type { JournalWrite } from './journal.ts';

/** Nodes of which only the runner knows the types. */
export type AnyNode = Node<unknown, unknown, Record<string, unknown>>;
export type AnyStep = Step<unknown, unknown, Record<string, unknown>>;
export type AnySpan = Span<unknown, unknown, Record<string, unknown>>;

/** A step failed for good. */
export class StepFailed extends Error {
  readonly failure: ActionFailure;
  constructor(failure: ActionFailure, cause: unknown) {
    super(failure.message, { cause });
    this.failure = failure;
  }
}

/** A step's own database changes were refused. */
export class CommitRefused extends Error {
  readonly step: AnyStep;
  readonly path: string;
  /** The write that was refused; those pending with it are still good. */
  readonly write: JournalWrite;
  constructor(step: AnyStep, path: string, write: JournalWrite, cause: unknown) {
    super('the changes of a step could not be committed', { cause });
    this.step = step;
    this.path = path;
    this.write = write;
  }
}

/** The step's own changes, so that their refusal can be told from a failing database. */
export function guarded(step: AnyStep, path: string, commit: JournalWrite): JournalWrite {
  const write: JournalWrite = async (tx) => {
    try {
      await commit(tx);
    } catch (error) {
      if (error instanceof DatabaseUnavailable) throw error;
      throw new CommitRefused(step, path, write, error);
    }
  };
  return write;
}

/** The step at a path of the definition, as journals name it. */
export function stepAt(nodes: readonly AnyNode[], path: string): AnyStep {
  let list = nodes;
  let node: AnyNode | undefined;
  for (const index of path.split('.')) {
    node = list[Number(index)];
    if (node && node.type !== 'step') list = node.nodes;
  }
  if (node?.type !== 'step') throw new Error(`the journal names a step at ${path} that the action does not have`);
  return node;
}

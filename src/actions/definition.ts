import type { Static, TSchema } from 'typebox';
import type { Tx } from '../database/database.ts';
import type { Env } from '../env/env.ts';

/**
 * An action: a long operation on one resource, said as a list of steps. The list is the design; the runner walks it,
 * journals every step before the next one begins, retries, goes on after a crash, and unwinds what can't be finished.
 *
 * `Services` is what steps may use of the engine, `Input` what the action was asked for, `State` what its steps learn.
 */
export interface Action<Services = never, Input = never, State = never> {
  /** As `server.rebuild`. Never changed while journals may hold it. */
  kind: string;
  inputSchema: TSchema;
  nodes: readonly Node<Services, Input, State>[];
  /**
   * What happens when a step fails for good: `unwind` undoes what was done, newest first; `park` (for what can only go
   * forward, as deletion) ends the action for its user and keeps trying what remains. It can't be cancelled.
   */
  onFailure: 'unwind' | 'park';
  /** Writes the outcome to the resource, in the same transaction as the action's own end. */
  succeeded(tx: Tx, context: SettleContext<Services, Input, State>): Promise<void>;
  /**
   * After everything was undone (`unwind`), or before the rest is left to later tries (`park`): frees the resource from
   * its transitional state and tells it why. May run a second time after a crash.
   */
  failed(tx: Tx, context: SettleContext<Services, Input, State>, failure: ActionFailure): Promise<void>;
}

export type Node<Services, Input, State> =
  | Step<Services, Input, State>
  | Span<Services, Input, State>
  | When<Services, Input, State>;

/** Carries the types of a node for the compiler; it is never set. */
interface Typed<Input, State> {
  readonly types?: (input: Input, state: State) => void;
}

/** What all of some nodes need of the input, and what they may learn: the intersection over the nodes. */
type InputOf<Nodes extends readonly Typed<never, never>[]> = Nodes[number] extends {
  readonly types?: (input: infer Input, state: never) => void;
}
  ? Input
  : never;
type StateOf<Nodes extends readonly Typed<never, never>[]> = Nodes[number] extends {
  readonly types?: (input: never, state: infer State) => void;
}
  ? State
  : never;

/** One thing that is made so. It may run again after a crash, so it ensures rather than adds. */
export interface Step<Services, Input, State> extends Typed<Input, State> {
  type: 'step';
  name: string;
  do: (context: StepContext<Services, Input, State>) => Promise<StepResult<State> | undefined | void>;
  /**
   * Makes it not so. Runs for a step that was done, with what the step gave as `undo`, and for the step that failed or
   * was cut off, with null: then it has to find out itself. Runs again after a crash. Absent where there is nothing to
   * undo: say why beside it.
   */
  undo?: (context: StepContext<Services, Input, State>, data: unknown) => Promise<UndoResult | undefined | void>;
  retry: RetryPolicy;
}

/** Work that users see as one event with a start and an end. */
export interface Span<Services, Input, State> extends Typed<Input, State> {
  type: 'span';
  name: string;
  nodes: readonly Node<Services, Input, State>[];
  /** How often the whole span is tried: between tries what it did is undone (as when another host is chosen). */
  attempts: number;
}

/** Nodes that are walked only if the condition holds when they are reached. It may look at input and state only. */
export interface When<Services, Input, State> extends Typed<Input, State> {
  type: 'when';
  condition: (context: { input: Input; state: Readonly<Partial<State>> }) => boolean;
  nodes: readonly Node<Services, Input, State>[];
}

export interface StepContext<Services, Input, State> {
  readonly actionId: string;
  readonly resourceId: string;
  readonly requestId: string;
  readonly input: Readonly<Input>;
  /** What earlier steps gave. */
  readonly state: Readonly<Partial<State>>;
  readonly services: Services;
  readonly env: Env;
  /** Aborts when the action is cancelled or the process loses its hold on it. */
  readonly signal: AbortSignal;
  /** For undo: the action had ended for its user before this try, as something could not be undone then. */
  readonly isLate: boolean;
  /**
   * For undo: the action had ended for its user before this try, and since then something else was asked of the
   * resource. What is undone now must not be that one's work.
   */
  readonly isSuperseded: boolean;
  /** Tells users how far the action is, 0 to 100. */
  progress(percent: number): void;
}

export interface StepResult<State> {
  /** Added to the action's state, and so to the journal: plain JSON. */
  state?: Partial<State>;
  /** What undo needs: plain JSON. */
  undo?: unknown;
  /** Changes to the database that belong to the step: committed together with its journal entry. */
  commit?(tx: Tx): Promise<void>;
}

export interface UndoResult {
  commit?(tx: Tx): Promise<void>;
}

export interface SettleContext<Services, Input, State> {
  readonly actionId: string;
  readonly resourceId: string;
  readonly input: Readonly<Input>;
  readonly state: Readonly<Partial<State>>;
  readonly services: Services;
  readonly now: number;
}

export interface RetryPolicy {
  /** How often the step is tried in all. */
  attempts: number;
  /** Pause before the second try, milliseconds; doubled for each further one, at most 30 s. */
  backoffMs: number;
}

/** Why an action failed: the first cause, not the last. */
export interface ActionFailure {
  code: string;
  message: string;
  /** Where it happened. */
  step: string;
  path: string;
  /** For administrators: the chain of causes with their stacks. */
  traceback: string;
}

const noRetry: RetryPolicy = { attempts: 1, backoffMs: 0 };

/** The words in which actions are written, for one kind of services. */
export function actionWords<Services>() {
  return {
    step<Input, State = object>(
      name: string,
      definition: {
        do: Step<Services, Input, State>['do'];
        undo?: Step<Services, Input, State>['undo'];
        retry?: RetryPolicy;
      },
    ): Step<Services, Input, State> {
      return { type: 'step', name, retry: noRetry, ...definition };
    },
    span<const Nodes extends readonly Typed<never, never>[]>(
      name: string,
      nodes: Nodes,
      options: { attempts?: number } = {},
    ): Span<Services, InputOf<Nodes>, StateOf<Nodes>> {
      return { type: 'span', name, nodes: nodes as never, attempts: options.attempts ?? 1 };
    },
    when<Input, State, const Nodes extends readonly Typed<never, never>[]>(
      condition: When<Services, Input, State>['condition'],
      nodes: Nodes,
    ): When<Services, Input & InputOf<Nodes>, State & StateOf<Nodes>> {
      return { type: 'when', condition: condition as never, nodes: nodes as never };
    },
    action<Schema extends TSchema, const Nodes extends readonly Typed<Static<Schema>, never>[]>(
      kind: string,
      inputSchema: Schema,
      nodes: Nodes,
      settle: Pick<Action<Services, Static<Schema>, StateOf<Nodes>>, 'succeeded' | 'failed'> & {
        onFailure?: 'unwind' | 'park';
      },
    ): Action<Services, Static<Schema>, StateOf<Nodes>> {
      return { kind, inputSchema, nodes: nodes as never, onFailure: 'unwind', ...settle };
    },
  };
}

/** An action of which only the runner knows the types. */
export type AnyAction = Action<unknown, unknown, Record<string, unknown>>;

/** Forgets the types of an action, for registries. */
export function anyAction<Services, Input, State>(action: Action<Services, Input, State>): AnyAction {
  return action as unknown as AnyAction;
}

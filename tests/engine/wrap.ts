import type { AnyAction, Node, Step, StepContext } from '../../src/actions/definition.ts';

type AnyNode = Node<unknown, unknown, Record<string, unknown>>;
type AnyStep = Step<unknown, unknown, Record<string, unknown>>;
export type AnyContext = StepContext<unknown, unknown, Record<string, unknown>>;

/** The same actions, with the steps of one of them changed. */
export function withSteps(
  actions: readonly AnyAction[],
  kind: string,
  change: (step: AnyStep, path: string) => AnyStep,
): AnyAction[] {
  return actions.map((action) =>
    action.kind === kind ? { ...action, nodes: changed(action.nodes, '', change) } : action,
  );
}

function changed(
  nodes: readonly AnyNode[],
  prefix: string,
  change: (step: AnyStep, path: string) => AnyStep,
): AnyNode[] {
  return nodes.map((node, index) => {
    const path = prefix === '' ? `${index}` : `${prefix}.${index}`;
    return node.type === 'step' ? change(node, path) : { ...node, nodes: changed(node.nodes, path, change) };
  });
}

/** Every step of the action, by path and name. */
export function stepsOf(action: AnyAction): Array<{ path: string; name: string }> {
  const steps: Array<{ path: string; name: string }> = [];
  changed(action.nodes, '', (step, path) => {
    steps.push({ path, name: step.name });
    return step;
  });
  return steps;
}

/** A step that is done twice, as after a crash before its journal entry; what it says the second time counts. */
export function doneTwice(step: AnyStep): AnyStep {
  return {
    ...step,
    async do(context) {
      await step.do(context);
      return await step.do(context);
    },
  };
}

/** A step whose undo runs twice. */
export function undoneTwice(step: AnyStep): AnyStep {
  const { undo } = step;
  if (!undo) return step;
  return {
    ...step,
    async undo(context, data) {
      await undo(context, data);
      return await undo(context, data);
    },
  };
}

/** A failure that another try would not mend. */
export class Injected extends Error {
  readonly retryable = false;
}

/** A step that fails for good, before or after it did what it does. */
export function failing(step: AnyStep, when: 'before' | 'after'): AnyStep {
  return {
    ...step,
    async do(context) {
      if (when === 'after') await step.do(context);
      throw new Injected(`${step.name} was made to fail`);
    },
  };
}

/** A step that something else happens before. */
export function preceded(step: AnyStep, what: (context: AnyContext) => Promise<void>): AnyStep {
  return {
    ...step,
    async do(context) {
      await what(context);
      return await step.do(context);
    },
  };
}

import type { Step, StepContext } from '../../../actions/definition.ts';
import { step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { GuestInput, GuestState } from './guest.ts';
import { type MoveInput, type MoveState, targetOf } from './move.ts';

/** A step about a guest, done on the host that its server moves to. */
export function atTarget<Input extends GuestInput>(
  one: Step<Cloud, Input, GuestState>,
): Step<Cloud, Input & MoveInput, MoveState> {
  const there = (context: StepContext<Cloud, Input & MoveInput, MoveState>) => ({
    ...context,
    state: { hostId: targetOf(context) },
  });
  const { undo } = one;
  return step<Input & MoveInput, MoveState>(one.name, {
    retry: one.retry,
    do: async (context) => {
      const { commit } = (await one.do(there(context))) ?? {};
      return commit && { commit };
    },
    ...(undo ? { undo: (context, data) => undo(there(context), data) } : {}),
  });
}

import { actionWords } from '../actions/definition.ts';
import type { Cloud } from './cloud.ts';

/** What steps may use: the engine itself. */
export type ActionServices = Cloud;

/** The words in which the engine's actions are written. */
export const { step, span, when, action } = actionWords<ActionServices>();

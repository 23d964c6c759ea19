/** The part of a pino logger that the agent uses. */
export interface AgentLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export const silentLog: AgentLog = { debug() {}, info() {}, warn() {} };

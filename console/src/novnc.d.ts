declare module '@novnc/novnc' {
  /** The part of noVNC that the console uses. */
  export default class RFB extends EventTarget {
    constructor(target: HTMLElement, url: string, options?: { wsProtocols?: string[] });
    scaleViewport: boolean;
    disconnect(): void;
    sendCredentials(credentials: { password: string }): void;
    focus(): void;
    sendCtrlAltDel(): void;
  }
}

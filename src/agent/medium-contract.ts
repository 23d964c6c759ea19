/** A CD-ROM drive of a guest. The machine has room for three, less one for each disk on the bus `ide`. */
export interface GuestCdrom {
  cdromId: string;
  /** The cached image (an ISO) that is in it; it is empty when absent. */
  imageId?: string;
}

/** Where the firmware looks for a system. */
export type BootDevice = 'disk' | 'cdrom';

/** What hosts do with the media of guests that exist. Part of `HostAgent`, whose rules hold here too. */
export interface MediumVerbs {
  /**
   * Puts the image, which is cached here, into the drive, in place of what is in it, or empties it: at once of a guest that
   * runs, whether or not its system has locked the drive, else when it is started again. `not_found` when the image is not
   * cached; refuses (`in_use`) while the guest is suspended. No error when there is no such guest or drive.
   */
  changeMedium(serverId: string, cdrom: GuestCdrom): Promise<void>;
}

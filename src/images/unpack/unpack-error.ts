/** What the unpacking child can say went wrong; the parent turns it into the error of the same code. */
export type UnpackFault = 'Corrupt' | 'TooLarge' | 'NotImplemented' | 'OutOfSpace' | 'Internal';

export class UnpackError extends Error {
  readonly fault: UnpackFault;

  constructor(fault: UnpackFault, message: string) {
    super(message);
    this.name = 'UnpackError';
    this.fault = fault;
  }
}

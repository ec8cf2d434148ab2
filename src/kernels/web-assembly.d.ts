/** The part of the WebAssembly interface that the kernels use; TypeScript declares it for browsers only. */
declare namespace WebAssembly {
  // oxlint-disable-next-line no-extraneous-class -- that is all there is of it
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    readonly exports: unknown
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>)
  }
  /** Always made shared here. Sizes in pages of 64 KiB. */
  class Memory {
    readonly buffer: SharedArrayBuffer
    constructor(size: { readonly initial: number; readonly maximum: number; readonly shared: true })
  }
}

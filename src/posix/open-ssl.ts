import { koffi } from './koffi.ts'

/** An OpenSSL object. */
type Pointer = unknown

/**
 * Functions of OpenSSL 3 (manual pages of the same names) inside this process. Node's own interface to them makes a
 * new buffer of each output and has no Poly1305; called directly they write into the caller's bytes.
 */
export interface OpenSsl {
  EVP_CIPHER_fetch(library: null, name: string, properties: null): Pointer
  EVP_CIPHER_CTX_new(): Pointer
  EVP_CIPHER_CTX_free(context: Pointer): void
  EVP_CIPHER_CTX_set_padding(context: Pointer, pad: 0): number
  EVP_EncryptInit_ex2(
    context: Pointer,
    cipher: Pointer,
    key: Uint8Array | null,
    iv: Uint8Array | null,
    parameters: null,
  ): number
  EVP_EncryptUpdate(
    context: Pointer,
    output: Uint8Array,
    outputLength: Uint8Array,
    input: Uint8Array,
    inputLength: number,
  ): number
  EVP_MAC_fetch(library: null, name: string, properties: null): Pointer
  EVP_MAC_CTX_new(mac: Pointer): Pointer
  EVP_MAC_CTX_free(context: Pointer): void
  EVP_MAC_init(context: Pointer, key: Uint8Array, keyLength: number, parameters: null): number
  EVP_MAC_update(context: Pointer, input: Uint8Array, inputLength: number): number
  EVP_MAC_final(context: Pointer, output: Uint8Array, outputLength: Uint8Array, outputRoom: number): number
}

const declarations = [
  'void *EVP_CIPHER_fetch(void *library, const char *name, const char *properties)',
  'void *EVP_CIPHER_CTX_new()',
  'void EVP_CIPHER_CTX_free(void *context)',
  'int EVP_CIPHER_CTX_set_padding(void *context, int pad)',
  'int EVP_EncryptInit_ex2(void *context, void *cipher, const void *key, const void *iv, void *parameters)',
  'int EVP_EncryptUpdate(void *context, void *output, void *outputLength, const void *input, int inputLength)',
  'void *EVP_MAC_fetch(void *library, const char *name, const char *properties)',
  'void *EVP_MAC_CTX_new(void *mac)',
  'void EVP_MAC_CTX_free(void *context)',
  'int EVP_MAC_init(void *context, const void *key, size_t keyLength, void *parameters)',
  'int EVP_MAC_update(void *context, const void *input, size_t inputLength)',
  'int EVP_MAC_final(void *context, void *output, void *outputLength, size_t outputRoom)',
]

let bound: OpenSsl | 'absent' | undefined

/** The functions, or undefined where this process does not export them. Bound once a thread, when first asked for. */
export function openSsl(): OpenSsl | undefined {
  bound ??= bind() ?? 'absent'
  return bound === 'absent' ? undefined : bound
}

function bind(): OpenSsl | undefined {
  try {
    const library = koffi().load(null)
    const functions = declarations.map((declaration) => library.func(declaration))
    const entries = declarations.map(
      (declaration, index) => [/(\w+)\(/.exec(declaration)![1]!, functions[index]] as const,
    )
    return Object.fromEntries(entries) as unknown as OpenSsl
  } catch {
    return undefined // A Node whose OpenSSL is not to be seen from outside: the portable cipher does the work.
  }
}

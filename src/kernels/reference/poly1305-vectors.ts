/** A published test vector of Poly1305; hexadecimal. */
export interface Poly1305Vector {
  readonly source: string
  readonly r: string
  readonly s: string
  readonly message: string
  readonly tag: string
}

const ietf = Buffer.from(
  'Any submission to the IETF intended by the Contributor for publication as all or part of an IETF Internet-Draft ' +
    'or RFC and any statement made within the context of an IETF activity is considered an "IETF Contribution". Such ' +
    'statements include oral statements in IETF sessions, as well as written and electronic communications made at ' +
    'any time or place, which are addressed to',
).toString('hex')
const jabberwocky = Buffer.from(
  "'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\n" +
    'All mimsy were the borogoves,\nAnd the mome raths outgrabe.',
).toString('hex')
const forumGroup = Buffer.from('Cryptographic Forum Research Group').toString('hex')
const zero = '00'.repeat(16)
const ones = 'ff'.repeat(16)
const ietfKey = '36e5f6b5c5e06070f0efca96227a863e'
const carry = 'e33594d7505e43b900000000000000003394d7505e4379cd0100000000000000'

/** A number below 256 in 16 bytes. */
function small(value: string): string {
  return value.padEnd(32, '0')
}

function rfc(number: string, r: string, s: string, message: string, tag: string): Poly1305Vector {
  return { source: `RFC 8439 ${number}`, r, s, message, tag }
}

/** RFC 8439, section 2.5.2 and appendix A.3 (which are those of RFC 7539). */
export const rfcVectors: readonly Poly1305Vector[] = [
  rfc(
    '2.5.2',
    '85d6be7857556d337f4452fe42d506a8',
    '0103808afb0db2fd4abff6af4149f51b',
    forumGroup,
    'a8061dc1305136c6c22b8baf0c0127a9',
  ),
  rfc('A.3 #1', zero, zero, '00'.repeat(64), zero),
  rfc('A.3 #2', zero, ietfKey, ietf, ietfKey),
  rfc('A.3 #3', ietfKey, zero, ietf, 'f3477e7cd95417af89a6b8794c310cf0'),
  rfc(
    'A.3 #4',
    '1c9240a5eb55d38af333888604f6b5f0',
    '473917c1402b80099dca5cbc207075c0',
    jabberwocky,
    '4541669a7eaaee61e708dc7cbcc5eb62',
  ),
  rfc('A.3 #5', small('02'), zero, ones, small('03')),
  rfc('A.3 #6', small('02'), ones, small('02'), small('03')),
  rfc('A.3 #7', small('01'), zero, `${ones}f0${'ff'.repeat(15)}${small('11')}`, small('05')),
  rfc('A.3 #8', small('01'), zero, `${ones}fb${'fe'.repeat(15)}${'01'.repeat(16)}`, zero),
  rfc('A.3 #9', small('02'), zero, `fd${'ff'.repeat(15)}`, `fa${'ff'.repeat(15)}`),
  rfc(
    'A.3 #10',
    '01000000000000000400000000000000',
    zero,
    `${carry}${zero}${small('01')}`,
    '14000000000000005500000000000000',
  ),
  rfc('A.3 #11', '01000000000000000400000000000000', zero, `${carry}${zero}`, small('13')),
]

/** A published test vector of Poly1305-AES: s is AES_k(nonce). */
export interface Poly1305AesVector extends Poly1305Vector {
  readonly k: string
  readonly nonce: string
}

/** D. J. Bernstein, "The Poly1305-AES message-authentication code", 2005, appendix B. */
export const aesVectors: readonly Poly1305AesVector[] = [
  {
    source: 'Poly1305-AES, appendix B, first',
    message: 'f3f6',
    r: '851fc40c3467ac0be05cc20404f3f700',
    k: 'ec074c835580741701425b623235add6',
    nonce: 'fb447350c4e868c52ac3275cf9d4327e',
    s: '580b3b0f9447bb1e69d095b5928b6dbc',
    tag: 'f4c633c3044fc145f84f335cb81953de',
  },
  {
    source: 'Poly1305-AES, appendix B, second',
    message: '',
    r: 'a0f3080000f46400d0c7e9076c834403',
    k: '75deaa25c09f208e1dc4ce6b5cad3fbf',
    nonce: '61ee09218d29b0aaed7e154a2c5509cc',
    s: 'dd3fab2251f11ac759f0887129cc2ee7',
    tag: 'dd3fab2251f11ac759f0887129cc2ee7',
  },
  {
    source: 'Poly1305-AES, appendix B, third',
    message: '663cea190ffb83d89593f3f476b6bc24d7e679107ea26adb8caf6652d0656136',
    r: '48443d0bb0d21109c89a100b5ce2c208',
    k: '6acb5f61a7176dd320c5c1eb2edcdc74',
    nonce: 'ae212a55399729595dea458bc621ff0e',
    s: '83149c69b561dd88298a1798b10716ef',
    tag: '0ee1c16bb73f0f4fd19881753c01cdbe',
  },
  {
    source: 'Poly1305-AES, appendix B, fourth',
    message:
      'ab0812724a7f1e342742cbed374d94d136c6b8795d45b3819830f2c04491faf0990c62e48b8018b2c3e4a0fa3134cb67fa83e158c994d961c4cb21095c1bf9',
    r: '12976a08c4426d0ce8a82407c4f48207',
    k: 'e1a5668a4d5b66a5f68cc5424ed5982d',
    nonce: '9ae831e743978d3a23527c7128149e3a',
    s: '80f8c20aa71202d1e29179cbcb555a57',
    tag: '5154ad0d2cb26e01274fc51148491f1b',
  },
]

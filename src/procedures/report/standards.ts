/** Which controls of the usual standards a clause of the policy answers to. */
export interface ClauseControls {
  readonly iso: string
  readonly soc: string
  readonly nist: string
}

const backup: ClauseControls = {
  iso: 'A.8.13 Information backup: copies are taken as the policy says',
  soc: 'A1.2 Recovery infrastructure and data backup',
  nist: 'SP 800-34 §3.4.2 Backup methods; CP-9',
}

/** By the section of the policy document; one clause of it where that has controls of its own. ISO/IEC 27001:2022 Annex A. */
const controls: Readonly<Record<string, ClauseControls>> = {
  'Backup Schedule': backup,
  'Backup Locations': {
    iso: 'A.8.13 stored at a remote location; A.8.14 Redundancy',
    soc: 'A1.2 Off-site storage of backup data',
    nist: 'SP 800-34 §3.4.3 Offsite storage; CP-6, CP-9(3)',
  },
  Encryption: {
    iso: 'A.8.13 protected by encryption; A.8.24 Use of cryptography',
    soc: 'A1.2 with C1.1, CC6.1 Protection of backup data',
    nist: 'SP 800-34 §3.4.2; CP-9(8) Cryptographic protection; SC-12',
  },
  Testing: {
    iso: 'A.8.13 backups are tested; A.5.30 ICT readiness',
    soc: 'A1.3 Tests recovery plan procedures',
    nist: 'SP 800-34 §3.5 Testing, training, exercises; CP-4, CP-9(1)',
  },
  'Recovery Objectives': {
    iso: 'A.8.13 meets the continuity needs; A.5.30 RTO and RPO',
    soc: 'A1.2 Objectives of availability; A1.3',
    nist: 'SP 800-34 §3.2 Business impact analysis; CP-2, CP-10',
  },
  Responsibilities: {
    iso: 'A.5.2 Roles and responsibilities, for A.8.13',
    soc: 'A1.2 with CC1.3 Authorities and responsibilities',
    nist: 'SP 800-34 §4.2 Notification; CP-1, CP-2',
  },
}

export function controlsOf(section: string): ClauseControls {
  return controls[section] ?? backup
}

/** Where the sample policy is said to lie. */
export const samplePolicyPath = '/etc/zakops-backup/policy.yaml'

/** A small policy of production without a fault: all that a file must say, and no more. */
export const samplePolicyText = `version: 1
environment: production
locations:
  production:
    primary: { storage: /srv/backup }
    secondary: { storage: /mnt/off-site }
encryption:
  keyManagement:
    keyring: keys/keyring.json
    unlock: { keyFile: keys/zakops-backup.key }
responsibilities: { devops: [ann], dba: [ben], security: [cem], management: [dee] }
services:
  web: { stop: [systemctl, stop, web], start: [systemctl, start, web] }
sources:
  documents: { kind: files, paths: [/srv/documents], services: [web] }
  orders: { kind: sqlite, path: /srv/orders.db }
  main: { kind: postgresql, url: "postgresql://backup@localhost:5432/postgres" }
state: /var/lib/zakops-backup
`

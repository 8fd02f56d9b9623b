// Sends identifies by an analytics SDK, with no setting but its host and key: node send.mjs SDK HOST KEY COUNT.
// After half of them are answered it prints "half" and waits for a line. Prints one JSON line at the end: how many were
// delivered, and what went wrong.
import { createInterface } from "node:readline/promises"
import { Analytics } from "@segment/analytics-node"
import RudderAnalytics from "@rudderstack/rudder-sdk-node"

const [sdk, host, key, count] = process.argv.slice(2)
const errors = []
let delivered = 0
const client = sdk === "segment" ? new Analytics({ writeKey: key, host }) : new RudderAnalytics(key, { dataPlaneUrl: host })
if (sdk === "segment") client.on("error", (error) => errors.push(String(error.reason ?? error.code)))
process.on("unhandledRejection", (error) => errors.push(String(error)))

async function send(from, to) {
  const sent = []
  for (let number = from; number < to; number++) {
    const traits = { firstName: "Ana", lastOrder: number, address: { city: "Porto" } }
    sent.push(new Promise((done) => client.identify({ userId: `${sdk}-node-${number}`, traits }, (error) => {
      if (error) errors.push(String(error))
      else delivered += 1
      done()
    })))
  }
  await client.flush()
  await Promise.all(sent)
}

await send(0, count / 2)
console.log("half")
await createInterface({ input: process.stdin }).question("")
await send(count / 2, Number(count))
console.log(JSON.stringify({ delivered, errors: errors.slice(0, 5) }))
process.exit(0)

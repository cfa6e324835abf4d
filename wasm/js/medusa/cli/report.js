// The file that says which key replaces which, with the new keys' texts: one line of JSON per key,
// readable by the file's owner only. It is written before the shop's tables, so that no text is
// lost.

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { UserError } from './user-error.js';

export const REPORT = 'portcullis-new-keys.jsonl';
const OTHERS = 0o077;

export class Report {
  #file;
  #texts = new Map();

  static async open(path = REPORT) {
    const report = new Report();
    const { O_RDWR, O_CREAT, O_APPEND, O_NOFOLLOW = 0 } = constants;
    try {
      report.#file = await open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
    } catch (error) {
      throw new UserError(`The report can't be written to ${path}: ${error.code}; choose another file by --report`, 1);
    }
    try {
      await report.#check(path);
      await report.#read();
    } catch (error) {
      await report.close();
      throw error;
    }
    return report;
  }

  // The text of the new key that an earlier run wrote.
  text(id) {
    return this.#texts.get(id);
  }

  // Resolves when the line is on the disk.
  async add(line) {
    if (this.#texts.has(line.new_id)) return;
    await this.#file.write(`${JSON.stringify(line)}\n`);
    await this.#file.sync();
    this.#texts.set(line.new_id, line.token);
  }

  close() {
    return this.#file.close();
  }

  async #check(path) {
    const stat = await this.#file.stat();
    const { mode, uid } = stat;
    if (!stat.isFile()) throw new UserError(`${path} is no file; choose another by --report`, 1);
    if (process.platform === 'win32') return;
    if ((mode & OTHERS) !== 0 || uid !== process.getuid()) {
      throw new UserError(`${path} is there already, and others can read it; make it yours alone (chmod 600) or choose another by --report`, 1);
    }
  }

  // Reads the texts of earlier runs. If a killed run left an unfinished last line, ends that line,
  // so that the next one starts on a line of its own.
  async #read() {
    const text = await this.#file.readFile('utf8');
    for (const line of text.split('\n')) {
      try {
        const { new_id, token } = JSON.parse(line);
        if (typeof token === 'string') this.#texts.set(new_id, token);
      } catch {
        // An unfinished line is written again.
      }
    }
    if (text !== '' && !text.endsWith('\n')) await this.#file.write('\n');
  }
}

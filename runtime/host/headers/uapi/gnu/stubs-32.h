/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Empty: glibc asks for it when a 64-bit host has no 32-bit headers; nothing in it concerns BPF. */

// SPDX-License-Identifier: Apache-2.0
// Runs inside the guest as the only program of interest: asks the kernel what
// it thinks of BPF programs and writes the answers to stdout as framed records.
//
//   loader verify SPEC    each program of each object, loaded alone
//   loader raw SPEC       programs given as raw instructions (no ELF, no libbpf)
//   loader run SPEC       load an object, test-run programs, sleep, dump maps
//   loader cat FILE       hand out a file of the guest (such as its BTF)
//
// SPEC is a small text file written by the host side (see ../*.ts).
// A record is "@<tag> <length>\n" + payload + "\n":
//   B begin of a unit of work (payload: its index)    D that unit is done
//   L verifier log (payload: "<log id>\n" + log)      J one JSON result
//   F a file
//   E everything is done
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LVL_TRACE1 1
#define LVL_TRACE2 2
#define LVL_STATS 4
#define LVL_FIXED 8 /* 6.4+: keep the head of an overlong log, not its tail */
#define MIB (1u << 20)
#define MAX_PROGS 8192

// Static libbpf built against a newer glibc wants the C23 names.
int __isoc23_sscanf(const char *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsscanf(s, fmt, ap);
	va_end(ap);
	return n;
}
int __isoc23_fscanf(FILE *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vfscanf(f, fmt, ap);
	va_end(ap);
	return n;
}
unsigned long long __isoc23_strtoull(const char *s, char **e, int b) { return strtoull(s, e, b); }
unsigned long __isoc23_strtoul(const char *s, char **e, int b) { return strtoul(s, e, b); }
long __isoc23_strtol(const char *s, char **e, int b) { return strtol(s, e, b); }
long long __isoc23_strtoll(const char *s, char **e, int b) { return strtoll(s, e, b); }

// ---------------------------------------------------------------- text buffers

struct sb {
	char *p;
	size_t n, cap;
};

static void sb_put(struct sb *b, const void *s, size_t n)
{
	if (b->n + n + 1 > b->cap) {
		b->cap = (b->n + n + 1) * 2;
		b->p = realloc(b->p, b->cap);
		if (!b->p)
			abort();
	}
	memcpy(b->p + b->n, s, n);
	b->n += n;
	b->p[b->n] = 0;
}

static void sb_str(struct sb *b, const char *s) { sb_put(b, s, strlen(s)); }

__attribute__((format(printf, 2, 3))) static void sb_fmt(struct sb *b, const char *fmt, ...)
{
	char tmp[512];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(tmp, sizeof(tmp), fmt, ap);
	va_end(ap);
	sb_put(b, tmp, n < (int)sizeof(tmp) ? n : (int)sizeof(tmp) - 1);
}

static void sb_json(struct sb *b, const char *s, size_t n)
{
	sb_put(b, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = s[i];
		if (c == '"' || c == '\\')
			sb_fmt(b, "\\%c", c);
		else if (c == '\n')
			sb_str(b, "\\n");
		else if (c == '\t')
			sb_str(b, "\\t");
		else if (c < 0x20 || c >= 0x7f)
			sb_fmt(b, "\\u%04x", c);
		else
			sb_put(b, &s[i], 1);
	}
	sb_put(b, "\"", 1);
}

static void sb_key(struct sb *b, const char *key)
{
	if (b->n && b->p[b->n - 1] != '{' && b->p[b->n - 1] != '[')
		sb_put(b, ",", 1);
	sb_json(b, key, strlen(key));
	sb_put(b, ":", 1);
}

static void sb_kstr(struct sb *b, const char *key, const char *val)
{
	sb_key(b, key);
	sb_json(b, val ?: "", val ? strlen(val) : 0);
}

static void sb_kint(struct sb *b, const char *key, long long val)
{
	sb_key(b, key);
	sb_fmt(b, "%lld", val);
}

static void sb_hex(struct sb *b, const void *data, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *d = data;
	char tmp[2];
	sb_put(b, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		tmp[0] = digits[d[i] >> 4];
		tmp[1] = digits[d[i] & 15];
		sb_put(b, tmp, 2);
	}
	sb_put(b, "\"", 1);
}

static unsigned char *unhex(const char *s, size_t *len)
{
	size_t n = s ? strlen(s) / 2 : 0;
	unsigned char *out = calloc(1, n + 1);
	for (size_t i = 0; i < n; i++) {
		unsigned v = 0;
		sscanf(s + 2 * i, "%2x", &v);
		out[i] = v;
	}
	*len = n;
	return out;
}

// -------------------------------------------------------------------- protocol

struct shared {
	volatile int unit;         // current object/program/scenario
	volatile int prog;         // current program within the object, -1: none
	volatile int crashes;      // of the current unit, with no program current
	volatile int writing;      // a record is half written: do not kill now
	volatile int careful;      // current unit: load programs one object-open each
	volatile int nprogs;
	volatile uint64_t started; // of the current program, ns; 0: none
	volatile char done[MAX_PROGS]; // per program of the current unit
	char name[256];
	int log_ids;
};
static struct shared *sh;
static char kernel_release[128];

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void write_all(const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(1, p, n > 32768 ? 32768 : n);
		if (k < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			_exit(99);
		}
		p += k;
		n -= k;
	}
}

static void record(char tag, const char *head, const char *body, size_t n)
{
	char hdr[64];
	size_t hn = head ? strlen(head) : 0;
	int k = snprintf(hdr, sizeof(hdr), "@%c %zu\n", tag, hn + n);
	sh->writing++;
	write_all(hdr, k);
	if (hn)
		write_all(head, hn);
	write_all(body, n);
	write_all("\n", 1);
	sh->writing--;
}

static void record_int(char tag, int v)
{
	char t[16];
	record(tag, NULL, t, snprintf(t, sizeof(t), "%d", v));
}

static void emit(struct sb *b)
{
	sb_put(b, "}", 1);
	record('J', NULL, b->p, b->n);
	b->n = 0;
}

static void begin_json(struct sb *b)
{
	b->n = 0;
	sb_put(b, "{", 1);
	sb_kstr(b, "kernel", kernel_release);
}

// ------------------------------------------------------------------ verifier log

static bool is_stat_line(const char *s, size_t n)
{
	static const char *const stat[] = { "verification time ", "stack depth ", "processed ",
					    "insns processed " };
	for (size_t i = 0; i < sizeof(stat) / sizeof(*stat); i++)
		if (n >= strlen(stat[i]) && !memcmp(s, stat[i], strlen(stat[i])))
			return true;
	return false;
}

// The statistics the kernel prints at level 4, and what remains of the log
// without them: the error message, if there is one.
static void put_log_summary(struct sb *out, const char *log)
{
	long long v, a, b, c, d;
	const char *s = strstr(log, "verification time ");
	if (s && sscanf(s, "verification time %lld", &v) == 1)
		sb_kint(out, "time_usec", v);
	for (s = log; (s = strstr(s, "stack depth ")); s++) {
		size_t n = strcspn(s, "\n");
		if ((s == log || s[-1] == '\n') && isdigit((unsigned char)s[12])) {
			sb_key(out, "stack_depth");
			size_t m = 12;
			while (m < n && (isdigit((unsigned char)s[m]) || s[m] == '+'))
				m++;
			sb_json(out, s + 12, m - 12);
			break;
		}
	}
	for (s = log; (s = strstr(s, "processed ")); s++)
		if ((s == log || s[-1] == '\n') &&
		    sscanf(s, "processed %lld insns (limit %*d) max_states_per_insn %lld total_states %lld peak_states %lld",
			   &a, &b, &c, &d) == 4) {
			sb_kint(out, "processed_insns", a);
			sb_kint(out, "max_states_per_insn", b);
			sb_kint(out, "total_states", c);
			sb_kint(out, "peak_states", d);
			s = strstr(s, "mark_read ");
			if (s && sscanf(s, "mark_read %lld", &v) == 1)
				sb_kint(out, "mark_read", v);
			break;
		}

	struct sb msg = { 0 };
	const char *last = "";
	size_t last_n = 0;
	for (s = log; *s;) {
		size_t n = strcspn(s, "\n");
		if (n && !is_stat_line(s, n)) {
			last = s;
			last_n = n;
			if (msg.n < 4000) {
				sb_put(&msg, s, n);
				sb_put(&msg, "\n", 1);
			}
		}
		s += n + (s[n] == '\n');
	}
	sb_key(out, "error");
	sb_json(out, last, last_n);
	if (msg.n > last_n + 1) {
		sb_key(out, "messages");
		sb_json(out, msg.p, msg.n);
	}
	free(msg.p);
}

static char *log_buf;
static size_t log_cap;

static char *need_log(size_t n)
{
	if (n > log_cap) {
		if (log_buf)
			munmap(log_buf, log_cap);
		log_buf = mmap(NULL, n, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (log_buf == MAP_FAILED) {
			log_buf = NULL;
			log_cap = 0;
			return NULL;
		}
		log_cap = n;
	}
	return log_buf;
}

long __real_syscall(long nr, ...);

static int prog_load_attr(const union bpf_attr *attr, unsigned size, unsigned level, char *buf,
			  size_t cap)
{
	char tmp[1024] = { 0 };
	union bpf_attr *a = (void *)tmp;
	memcpy(a, attr, size < sizeof(tmp) ? size : sizeof(tmp));
	a->log_level = level;
	a->log_buf = (uint64_t)(uintptr_t)buf;
	a->log_size = cap;
	if (buf)
		buf[0] = 0;
	int fd = __real_syscall(__NR_bpf, BPF_PROG_LOAD, a, size);
	return fd < 0 ? -errno : fd;
}

struct opts {
	unsigned log_level; // 0: no trace wanted
	size_t log_cap;     // largest log buffer to try
	int timeout_s;      // per program
	bool test_tags;     // honour the kernel selftests' BTF annotations
};
static struct opts opt = { .log_level = 2, .log_cap = 64 * (size_t)MIB, .timeout_s = 120 };

static unsigned fixed_flag(void)
{
	static int have = -1;
	if (have < 0) {
		int a = 0, b = 0;
		sscanf(kernel_release, "%d.%d", &a, &b);
		have = a > 6 || (a == 6 && b >= 4);
	}
	return have ? LVL_FIXED : 0;
}

// Verdict first, with statistics only: exact, and cheap. Then, if wanted, the
// trace, in a buffer that grows to the cap. Returns an fd or -errno.
static int judged_load(struct sb *out, const union bpf_attr *attr, unsigned size, unsigned level)
{
	static char small[256 * 1024];
	uint64_t t0 = now_ns();
	int fd = prog_load_attr(attr, size, LVL_STATS, small, sizeof(small));
	if (fd == -ENOSPC)
		fd = prog_load_attr(attr, size, LVL_STATS | fixed_flag(), small, sizeof(small));
	uint64_t t1 = now_ns();
	sb_kstr(out, "verdict", fd < 0 ? "fail" : "ok");
	sb_kint(out, "errno", fd < 0 ? -fd : 0);
	sb_kint(out, "insn_cnt", attr->insn_cnt);
	sb_kint(out, "load_usec", (t1 - t0) / 1000);
	put_log_summary(out, small);

	if (level) {
		size_t cap = 16 * (size_t)MIB;
		int r = -ENOSPC;
		bool cut = false;
		if (cap > opt.log_cap)
			cap = opt.log_cap;
		for (;; cap *= 4) {
			if (cap > opt.log_cap)
				cap = opt.log_cap;
			char *buf = need_log(cap);
			if (!buf)
				break;
			r = prog_load_attr(attr, size, level | LVL_STATS | fixed_flag(), buf, cap);
			if (r >= 0)
				close(r);
			if (r != -ENOSPC)
				break;
			if (cap == opt.log_cap) {
				cut = true;
				break;
			}
		}
		if (log_buf) {
			char id[32];
			size_t n = strnlen(log_buf, log_cap);
			int lid = ++sh->log_ids;
			snprintf(id, sizeof(id), "%d\n", lid);
			record('L', id, log_buf, n);
			sb_kint(out, "log_id", lid);
			sb_kint(out, "log_bytes", n);
			if (cut)
				sb_kint(out, "log_cut", 1);
		}
	}
	return fd;
}

// ----------------------------------------------------------------------- verify

static struct bpf_object *cur_obj;
static struct bpf_program **cur_progs;
static int cur_nprogs;
static bool guessed[MAX_PROGS];
static const char *cur_file;
static bool hooked, whole;
static int target;    // the program to judge, where not the whole object is
static int to_run;    // it loaded, and is to be run once the object is complete
static struct sb lib_msgs, json, unfinished;

static int print_cb(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char tmp[1024];
	if (level == LIBBPF_DEBUG || lib_msgs.n > 3000)
		return 0;
	int n = vsnprintf(tmp, sizeof(tmp), fmt, ap);
	sb_put(&lib_msgs, tmp, n < (int)sizeof(tmp) ? n : (int)sizeof(tmp) - 1);
	return 0;
}

static const char *tag_of(const struct btf *btf, const char *func, const char *prefix, int nth)
{
	int n = btf ? btf__type_cnt(btf) : 0;
	for (int i = 1; i < n; i++) {
		const struct btf_type *t = btf__type_by_id(btf, i);
		if (!btf_is_decl_tag(t) || btf_decl_tag(t)->component_idx != -1)
			continue;
		const struct btf_type *f = btf__type_by_id(btf, t->type);
		const char *s = btf__name_by_offset(btf, t->name_off);
		if (btf_is_func(f) && !strcmp(btf__name_by_offset(btf, f->name_off), func) &&
		    !strncmp(s, prefix, strlen(prefix)) && nth-- == 0)
			return s + strlen(prefix);
	}
	return NULL;
}

static unsigned flag_value(const char *s)
{
	static const struct {
		const char *name;
		unsigned v;
	} f[] = { { "BPF_F_STRICT_ALIGNMENT", 1 },     { "BPF_F_ANY_ALIGNMENT", 2 },
		  { "BPF_F_TEST_RND_HI32", 4 },	       { "BPF_F_TEST_STATE_FREQ", 8 },
		  { "BPF_F_SLEEPABLE", 16 },	       { "BPF_F_XDP_HAS_FRAGS", 32 },
		  { "BPF_F_XDP_DEV_BOUND_ONLY", 64 },  { "BPF_F_TEST_REG_INVARIANTS", 128 } };
	for (size_t i = 0; i < sizeof(f) / sizeof(*f); i++)
		if (!strcmp(f[i].name, s))
			return f[i].v;
	return strtoul(s, NULL, 0);
}

// The type of a program whose section name libbpf does not know: by the name
// old loaders used, else by the context its BTF says it takes.
static enum bpf_prog_type guess_type(const struct btf *btf, struct bpf_program *p)
{
	static const struct {
		const char *name;
		enum bpf_prog_type t;
	} sections[] = { { "xdp", BPF_PROG_TYPE_XDP },
			 { "prog", BPF_PROG_TYPE_XDP },
			 { "filter", BPF_PROG_TYPE_SOCKET_FILTER },
			 { "socket", BPF_PROG_TYPE_SOCKET_FILTER },
			 { "loadbalancer", BPF_PROG_TYPE_SOCKET_FILTER },
			 { "lb", BPF_PROG_TYPE_SOCKET_FILTER },
			 { "classifier", BPF_PROG_TYPE_SCHED_CLS },
			 { "act", BPF_PROG_TYPE_SCHED_CLS },
			 { "tc", BPF_PROG_TYPE_SCHED_CLS },
			 { "from-", BPF_PROG_TYPE_SCHED_CLS },
			 { "to-", BPF_PROG_TYPE_SCHED_CLS } },
	  contexts[] = { { "xdp_md", BPF_PROG_TYPE_XDP },
			 { "__sk_buff", BPF_PROG_TYPE_SCHED_CLS },
			 { "pt_regs", BPF_PROG_TYPE_KPROBE },
			 { "bpf_perf_event_data", BPF_PROG_TYPE_PERF_EVENT },
			 { "bpf_raw_tracepoint_args", BPF_PROG_TYPE_RAW_TRACEPOINT },
			 { "bpf_sock", BPF_PROG_TYPE_CGROUP_SOCK },
			 { "bpf_sock_addr", BPF_PROG_TYPE_CGROUP_SOCK_ADDR },
			 { "bpf_sock_ops", BPF_PROG_TYPE_SOCK_OPS },
			 { "sk_msg_md", BPF_PROG_TYPE_SK_MSG },
			 { "sk_reuseport_md", BPF_PROG_TYPE_SK_REUSEPORT },
			 { "bpf_sk_lookup", BPF_PROG_TYPE_SK_LOOKUP },
			 { "bpf_sysctl", BPF_PROG_TYPE_CGROUP_SYSCTL } };
	const char *sec = bpf_program__section_name(p);
	sec += sec[0] == '?';
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
		if (!strncmp(sec, sections[i].name, strlen(sections[i].name)))
			return sections[i].t;
	if (isdigit((unsigned char)sec[0]) && strchr(sec, '/'))
		return BPF_PROG_TYPE_SCHED_CLS; // cilium's tail calls
	int id = btf ? btf__find_by_name_kind(btf, bpf_program__name(p), BTF_KIND_FUNC) : -1;
	if (id > 0) {
		const struct btf_type *t = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
		if (btf_vlen(t) > 0) {
			t = btf__type_by_id(btf, btf_params(t)[0].type);
			while (t && (btf_is_ptr(t) || btf_is_mod(t) || btf_is_typedef(t)))
				t = btf__type_by_id(btf, t->type);
			const char *ctx = t && btf_is_struct(t) ? btf__name_by_offset(btf, t->name_off) : "";
			for (size_t i = 0; i < sizeof(contexts) / sizeof(*contexts); i++)
				if (!strcmp(ctx, contexts[i].name))
					return contexts[i].t;
		}
	}
	return BPF_PROG_TYPE_SOCKET_FILTER;
}

static void put_prog_head(struct sb *b, struct bpf_program *p)
{
	const struct btf *btf = cur_obj ? bpf_object__btf(cur_obj) : NULL;
	const char *tn = libbpf_bpf_prog_type_str(bpf_program__type(p));
	begin_json(b);
	sb_kint(b, "unit", sh->unit);
	sb_kstr(b, "file", cur_file);
	sb_kstr(b, "section", bpf_program__section_name(p));
	sb_kstr(b, "prog", bpf_program__name(p));
	sb_kstr(b, "type", tn);
	for (int i = 0; i < cur_nprogs; i++)
		if (cur_progs[i] == p && guessed[i])
			sb_kint(b, "type_guessed", 1);
	const char *at = libbpf_bpf_attach_type_str(bpf_program__expected_attach_type(p));
	if (bpf_program__expected_attach_type(p))
		sb_kstr(b, "attach", at);
	if (bpf_program__flags(p))
		sb_kint(b, "prog_flags", bpf_program__flags(p));
	if (tag_of(btf, bpf_program__name(p), "comment:", 0)) {
		const char *s;
		sb_key(b, "tags");
		sb_put(b, "[", 1);
		for (int i = 0; (s = tag_of(btf, bpf_program__name(p), "comment:", i)); i++) {
			if (i)
				sb_put(b, ",", 1);
			sb_json(b, s, strlen(s));
		}
		sb_put(b, "]", 1);
	}
}

static void libbpf_error(int prog, int err)
{
	put_prog_head(&json, cur_progs[prog]);
	sb_kstr(&json, "verdict", "libbpf_error");
	sb_kint(&json, "errno", err);
	sb_key(&json, "error");
	sb_json(&json, lib_msgs.p ?: "", lib_msgs.n);
	sh->done[prog] = 1;
	emit(&json);
}

static bool uses_prog_array(const struct bpf_object *o)
{
	struct bpf_map *m;
	bpf_object__for_each_map(m, o)
		if (bpf_map__type(m) == BPF_MAP_TYPE_PROG_ARRAY)
			return true;
	return false;
}

static bool wants_run(const char *prog)
{
	return opt.test_tags && tag_of(bpf_object__btf(cur_obj), prog, "comment:test_retval=", 0);
}

static void test_run_tagged(struct sb *out, struct bpf_program *p, int fd)
{
	unsigned char in[64] = { 0 }, outb[256];
	LIBBPF_OPTS(bpf_test_run_opts, r, .data_in = in, .data_size_in = sizeof(in), .repeat = 1,
		    .data_out = outb, .data_size_out = sizeof(outb));
	if (bpf_program__type(p) == BPF_PROG_TYPE_SYSCALL) {
		r.data_in = r.data_out = NULL;
		r.data_size_in = r.data_size_out = 0;
	}
	int e = bpf_prog_test_run_opts(fd, &r);
	if (e)
		sb_kint(out, "run_errno", -e);
	else
		sb_kint(out, "retval", (int)r.retval);
}

// libbpf calls syscall(); the linker sends it here (--wrap=syscall). A load of
// one of the object's own programs is judged and recorded, and libbpf is told
// that it went well, so that it goes on to the next program.
long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;
	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (!hooked || nr != __NR_bpf || a[0] != BPF_PROG_LOAD)
		return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	const union bpf_attr *attr = (void *)a[1];
	int i;
	for (i = 0; i < cur_nprogs; i++)
		if ((uintptr_t)attr->insns == (uintptr_t)bpf_program__insns(cur_progs[i]))
			break;
	if (i == cur_nprogs || (!whole && i != target))
		return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);

	// Programs that are to be run must find their maps untouched by others.
	bool run = wants_run(bpf_program__name(cur_progs[i]));
	if (!sh->done[i] && !(run && whole)) {
		sh->prog = i;
		snprintf(sh->name, sizeof(sh->name), "%s", bpf_program__name(cur_progs[i]));
		sh->started = now_ns();
		put_prog_head(&json, cur_progs[i]);
		unsigned level = opt.log_level;
		if (opt.test_tags && level) {
			const char *l = tag_of(bpf_object__btf(cur_obj), sh->name,
					       "comment:test_log_level=", 0);
			if (l)
				level = atoi(l) & 3;
		}
		int fd = judged_load(&json, attr, a[2], level);
		if (fd >= 0) {
			struct bpf_prog_info info = { 0 };
			unsigned len = sizeof(info);
			if (!bpf_obj_get_info_by_fd(fd, &info, &len)) {
				sb_kint(&json, "xlated_bytes", info.xlated_prog_len);
				sb_kint(&json, "jited_bytes", info.jited_prog_len);
			}
			if (run) {
				unfinished.n = 0;
				sb_put(&unfinished, json.p, json.n);
				to_run = i;
				sh->done[i] = 1;
				return fd;
			}
			close(fd);
		}
		sh->started = 0;
		sh->prog = -1;
		// A failure with nothing in the log may come from sharing the
		// object's maps with its other programs: ask again, alone.
		bool retry = fd < 0 && whole &&
			     (strstr(json.p, "\"error\":\"\"") || uses_prog_array(cur_obj));
		if (!retry) {
			sh->done[i] = 1;
			emit(&json);
		}
	}
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

// Reads an object, and undoes what would stand in the way of a verdict: pinning
// (whoever uses the map decides that), program functions that are static in C,
// and programs that are in .text for want of a section of their own.
static char *read_object(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	off_t n = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	char *e = n > 0 ? malloc(n) : NULL;
	if (e && pread(fd, e, n, 0) != n) {
		free(e);
		e = NULL;
	}
	close(fd);
	*size = n;
	Elf64_Ehdr *h = (void *)e;
	if (!e || n < (off_t)sizeof(*h) || memcmp(e, ELFMAG "\2\1", 6) || h->e_shentsize != sizeof(Elf64_Shdr) ||
	    h->e_shoff + h->e_shnum * sizeof(Elf64_Shdr) > (size_t)n || h->e_shstrndx >= h->e_shnum)
		return e;
	Elf64_Shdr *sh0 = (void *)(e + h->e_shoff);
	for (int i = 0; i < h->e_shnum; i++)
		if (sh0[i].sh_type != SHT_NOBITS && sh0[i].sh_offset + sh0[i].sh_size > (size_t)n)
			return e;
	char *names = e + sh0[h->e_shstrndx].sh_offset;
	int text = 0, code = 0;
	for (int i = 1; i < h->e_shnum; i++) {
		Elf64_Shdr *s = &sh0[i];
		if (s->sh_name >= sh0[h->e_shstrndx].sh_size)
			return e;
		char *name = names + s->sh_name, *at;
		if (s->sh_type == SHT_PROGBITS && (s->sh_flags & SHF_EXECINSTR) && s->sh_size) {
			if (!strcmp(name, ".text"))
				text = i;
			else
				code++;
		}
		if (!strcmp(name, ".BTF") && (at = memmem(e + s->sh_offset, s->sh_size, "\0pinning", 9)))
			at[7] = 'X'; // an unknown field, which relaxed_maps ignores
	}
	for (int i = 1; i < h->e_shnum; i++) {
		if (sh0[i].sh_type != SHT_SYMTAB)
			continue;
		Elf64_Sym *sym = (void *)(e + sh0[i].sh_offset);
		for (size_t k = 0; k < sh0[i].sh_size / sizeof(*sym); k++)
			if (sym[k].st_info == ELF64_ST_INFO(STB_LOCAL, STT_FUNC) && sym[k].st_shndx < h->e_shnum &&
			    (sym[k].st_shndx != text || !code) && sym[k].st_shndx)
				sym[k].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
	}
	if (text && !code)
		memcpy(names + sh0[text].sh_name, "ttext", 5);
	return e;
}

static bool keyless(unsigned type)
{
	return type == BPF_MAP_TYPE_QUEUE || type == BPF_MAP_TYPE_STACK || type == BPF_MAP_TYPE_BLOOM_FILTER;
}

static void fix_maps(struct bpf_object *obj)
{
	struct bpf_map *m;
	bpf_object__for_each_map(m, obj) {
		switch ((int)bpf_map__type(m)) {
		case BPF_MAP_TYPE_RINGBUF: // other loaders let these name a record type
		case BPF_MAP_TYPE_USER_RINGBUF:
			bpf_map__set_key_size(m, 0);
			bpf_map__set_value_size(m, 0);
			if (!bpf_map__max_entries(m))
				bpf_map__set_max_entries(m, 4096);
			break;
		case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
			bpf_map__set_key_size(m, 4);
			bpf_map__set_value_size(m, 4);
			break;
		case BPF_MAP_TYPE_SK_STORAGE:
		case BPF_MAP_TYPE_TASK_STORAGE:
		case BPF_MAP_TYPE_INODE_STORAGE:
		case BPF_MAP_TYPE_CGROUP_STORAGE:
		case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
		case 32: // BPF_MAP_TYPE_CGRP_STORAGE, which older headers lack
		case BPF_MAP_TYPE_STRUCT_OPS:
		case 33: // BPF_MAP_TYPE_ARENA
			break;
		case BPF_MAP_TYPE_ARRAY_OF_MAPS:
		case BPF_MAP_TYPE_HASH_OF_MAPS:
			if (!bpf_map__inner_map(m)) {
				int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "inner", 4, 4, 1, NULL);
				if (bpf_map__set_inner_map_fd(m, fd))
					close(fd);
			}
			// fall through
		default: // what user space sets before loading
			if (!bpf_map__max_entries(m))
				bpf_map__set_max_entries(m, 1);
			if (!bpf_map__key_size(m) && !keyless(bpf_map__type(m)))
				bpf_map__set_key_size(m, 4);
			if (!bpf_map__value_size(m))
				bpf_map__set_value_size(m, 8);
		}
	}
}

static struct bpf_object *open_object(const char *path)
{
	size_t size;
	lib_msgs.n = 0;
	LIBBPF_OPTS(bpf_object_open_opts, o, .relaxed_maps = true, .object_name = "o");
	char *elf = read_object(path, &size);
	struct bpf_object *obj = bpf_object__open_mem(elf, size, &o);
	int err = errno;
	free(elf);
	errno = err;
	if (!obj)
		return NULL;
	fix_maps(obj);
	struct bpf_program *p;
	cur_obj = obj;
	cur_nprogs = 0;
	bpf_object__for_each_program(p, obj) {
		cur_progs = realloc(cur_progs, sizeof(*cur_progs) * (cur_nprogs + 1));
		if (cur_nprogs == MAX_PROGS)
			break;
		cur_progs[cur_nprogs++] = p;
		// freplace needs a loaded target: judge it as what its context says
		enum bpf_prog_type t = bpf_program__type(p);
		guessed[cur_nprogs - 1] = t == BPF_PROG_TYPE_UNSPEC || t == BPF_PROG_TYPE_EXT;
		if (guessed[cur_nprogs - 1]) {
			bpf_program__set_type(p, guess_type(bpf_object__btf(obj), p));
			bpf_program__set_expected_attach_type(p, 0);
		}
		if (opt.test_tags) {
			const char *s;
			unsigned fl = bpf_program__flags(p);
			for (int i = 0; (s = tag_of(bpf_object__btf(obj), bpf_program__name(p),
						    "comment:test_prog_flags=", i));
			     i++)
				fl |= flag_value(s);
			bpf_program__set_flags(p, fl);
		}
	}
	sh->nprogs = cur_nprogs;
	return obj;
}

static void object_error(const char *file, const char *verdict, int err, const char *msg, size_t n)
{
	begin_json(&json);
	sb_kint(&json, "unit", sh->unit);
	sb_kstr(&json, "file", file);
	sb_kstr(&json, "verdict", verdict);
	sb_kint(&json, "errno", err);
	sb_key(&json, "error");
	sb_json(&json, msg ?: "", n);
	emit(&json);
}

static void verify_object(const char *path, const char *file)
{
	cur_file = file;
	if (!sh->careful) {
		struct bpf_object *obj = open_object(path);
		if (!obj) {
			object_error(file, "libbpf_error", errno, lib_msgs.p, lib_msgs.n);
			return;
		}
		for (int i = 0; i < cur_nprogs; i++)
			bpf_program__set_autoload(cur_progs[i], true);
		hooked = whole = true;
		bpf_object__load(obj);
		hooked = whole = false;
		bpf_object__close(obj);
		cur_obj = NULL;
		sh->careful = 1;
	}
	for (int i = 0; i < sh->nprogs || i == 0; i++) {
		if (sh->done[i])
			continue;
		struct bpf_object *obj = open_object(path);
		if (!obj) {
			object_error(file, "libbpf_error", errno, lib_msgs.p, lib_msgs.n);
			return;
		}
		if (!cur_nprogs) {
			object_error(file, "libbpf_error", 0, "no programs in this object", 26);
			bpf_object__close(obj);
			return;
		}
		for (int k = 0; k < cur_nprogs; k++) {
			bool aux = opt.test_tags && tag_of(bpf_object__btf(obj), bpf_program__name(cur_progs[k]),
							   "comment:test_auxiliary", 0);
			bpf_program__set_autoload(cur_progs[k], k == i || aux);
		}
		sh->prog = target = i;
		to_run = -1;
		sh->started = now_ns();
		hooked = true;
		int err = bpf_object__load(obj);
		hooked = false;
		if (to_run >= 0) {
			if (!err)
				test_run_tagged(&unfinished, cur_progs[i], bpf_program__fd(cur_progs[i]));
			emit(&unfinished);
		}
		sh->started = 0;
		sh->prog = -1;
		if (!sh->done[i])
			libbpf_error(i, err < 0 ? -err : 0);
		bpf_object__close(obj);
		cur_obj = NULL;
	}
}

// --------------------------------------------------------------------- work spec

struct line {
	char *verb;
	char *args[64];
	int n;
};
static char **lines;
static int nlines;

static void read_spec(const char *path)
{
	FILE *f = fopen(path, "r");
	char *l = NULL;
	size_t cap = 0;
	ssize_t n;
	if (!f)
		exit(98);
	while ((n = getline(&l, &cap, f)) > 0) {
		if (l[n - 1] == '\n')
			l[n - 1] = 0;
		lines = realloc(lines, sizeof(*lines) * (nlines + 1));
		lines[nlines++] = strdup(l);
	}
	fclose(f);
}

// "name=value" arguments, separated by spaces; values hold no spaces.
static char *arg(char *line, const char *name)
{
	static char *slot[16];
	static int turn;
	size_t n = strlen(name);
	for (char *s = line; (s = strstr(s, name)); s++) {
		if ((s == line || s[-1] != ' ') || s[n] != '=')
			continue;
		char *v = s + n + 1;
		free(slot[turn %= 16]);
		return slot[turn++] = strndup(v, strcspn(v, " "));
	}
	return NULL;
}

static long long argi(char *line, const char *name, long long dflt)
{
	char *v = arg(line, name);
	return v ? strtoll(v, NULL, 0) : dflt;
}

// -------------------------------------------------------------------- map dumps

static int possible_cpus(void)
{
	int n = libbpf_num_possible_cpus();
	return n > 0 ? n : 1;
}

static bool per_cpu(unsigned type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

struct drain {
	struct sb *b;
	int n;
};
static int drain_cb(void *ctx, void *data, size_t size)
{
	struct drain *d = ctx;
	if (d->n++)
		sb_put(d->b, ",", 1);
	sb_hex(d->b, data, size);
	return 0;
}

static void dump_map(struct sb *b, const char *name, int fd)
{
	struct bpf_map_info info = { 0 };
	unsigned len = sizeof(info);
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return;
	sb_key(b, name);
	sb_put(b, "{", 1);
	sb_kstr(b, "type", libbpf_bpf_map_type_str(info.type));
	sb_kint(b, "key_size", info.key_size);
	sb_kint(b, "value_size", info.value_size);
	sb_kint(b, "max_entries", info.max_entries);
	if (info.type == BPF_MAP_TYPE_RINGBUF) {
		struct drain d = { b, 0 };
		sb_key(b, "records");
		sb_put(b, "[", 1);
		struct ring_buffer *rb = ring_buffer__new(fd, drain_cb, &d, NULL);
		if (rb) {
			ring_buffer__consume(rb);
			ring_buffer__free(rb);
		}
		sb_str(b, "]}");
		return;
	}
	sb_key(b, "entries");
	sb_put(b, "[", 1);
	bool nokey = keyless(info.type);
	int cpus = per_cpu(info.type) ? possible_cpus() : 1;
	size_t stride = per_cpu(info.type) ? (info.value_size + 7) & ~7u : info.value_size;
	char *key = calloc(1, info.key_size + 8), *prev = NULL, *val = calloc(cpus, stride + 8);
	int n = 0, err = 0;
	while (n < 65536) {
		if (nokey) { // popping is the only way to see them all
			if (bpf_map_lookup_and_delete_elem(fd, NULL, val))
				break;
		} else {
			if (bpf_map_get_next_key(fd, prev, key))
				break;
			prev = key;
		}
		if (n++)
			sb_put(b, ",", 1);
		sb_put(b, "{", 1);
		if (!nokey) {
			sb_key(b, "key");
			sb_hex(b, key, info.key_size);
			err = bpf_map_lookup_elem(fd, key, val);
			if (err) {
				sb_kint(b, "errno", -err);
				sb_put(b, "}", 1);
				continue;
			}
		}
		if (cpus == 1 && !per_cpu(info.type)) {
			sb_key(b, "value");
			sb_hex(b, val, info.value_size);
		} else {
			sb_key(b, "values");
			sb_put(b, "[", 1);
			for (int c = 0; c < cpus; c++) {
				if (c)
					sb_put(b, ",", 1);
				sb_hex(b, val + c * stride, info.value_size);
			}
			sb_put(b, "]", 1);
		}
		sb_put(b, "}", 1);
	}
	free(key);
	free(val);
	sb_str(b, "]}");
}

static void test_run(struct sb *b, int fd, char *line)
{
	size_t din = 0, cin = 0;
	unsigned char *data = unhex(arg(line, "data"), &din), *ctx = unhex(arg(line, "ctx"), &cin);
	static unsigned char out[65536 + 4096], cout[4096];
	LIBBPF_OPTS(bpf_test_run_opts, r);
	if (din) {
		r.data_in = data;
		r.data_size_in = din;
		r.data_out = out;
		r.data_size_out = sizeof(out);
	}
	struct bpf_prog_info info = { 0 };
	unsigned info_len = sizeof(info);
	bpf_obj_get_info_by_fd(fd, &info, &info_len);
	bool in_place = info.type == BPF_PROG_TYPE_SYSCALL; // writes its context back
	if (cin) {
		r.ctx_in = ctx;
		r.ctx_size_in = cin;
	}
	if (cin && !in_place) {
		r.ctx_out = cout;
		r.ctx_size_out = sizeof(cout);
	}
	r.repeat = argi(line, "repeat", 0);
	r.flags = argi(line, "flags", 0);
	r.cpu = argi(line, "cpu", 0);
	int e = bpf_prog_test_run_opts(fd, &r);
	sb_kint(b, "errno", -e);
	if (!e) {
		sb_kint(b, "retval", (int)r.retval);
		sb_kint(b, "duration_ns", r.duration);
		if (din) {
			sb_key(b, "data_out");
			sb_hex(b, out, r.data_size_out < sizeof(out) ? r.data_size_out : 0);
		}
		if (cin) {
			sb_key(b, "ctx_out");
			if (in_place)
				sb_hex(b, ctx, cin);
			else
				sb_hex(b, cout, r.ctx_size_out < sizeof(cout) ? r.ctx_size_out : 0);
		}
	}
	free(data);
	free(ctx);
}

// -------------------------------------------------------------------------- raw
//   T <hex>                                    load BTF; numbered from 0
//   M type= key= value= max= [flags= btf= kt= vt= inner= targets=slot,.. freeze=]  create map, from 0
//   X                                          forget all maps and BTF
//   P id= type= [eat= flags= level= btf= fi=off:type,.. maps=a,b run= data= ctx=] insns=
//   Z                                          dump maps after each run: on

static int raw_maps[4096], n_raw_maps, raw_btf[4096], n_raw_btf;
static bool raw_dump;

static void raw_line(char *l)
{
	size_t n;
	if (l[0] == 'X') {
		while (n_raw_maps)
			close(raw_maps[--n_raw_maps]);
		while (n_raw_btf)
			close(raw_btf[--n_raw_btf]);
	} else if (l[0] == 'Z') {
		raw_dump = true;
	} else if (l[0] == 'T') {
		unsigned char *d = unhex(l + 2, &n);
		static char log[65536];
		LIBBPF_OPTS(bpf_btf_load_opts, o, .log_buf = log, .log_size = sizeof(log), .log_level = 1);
		log[0] = 0;
		int fd = bpf_btf_load(d, n, &o);
		n = strlen(log);
		if (fd < 0)
			fprintf(stderr, "BTF load failed (%d): ...%s\n", fd, n > 300 ? log + n - 300 : log);
		raw_btf[n_raw_btf++] = fd;
		free(d);
	} else if (l[0] == 'M') {
		LIBBPF_OPTS(bpf_map_create_opts, o);
		int bi = argi(l, "btf", -1), in = argi(l, "inner", -1);
		o.map_flags = argi(l, "flags", 0);
		o.map_extra = argi(l, "extra", 0);
		if (bi >= 0) {
			o.btf_fd = raw_btf[bi];
			o.btf_key_type_id = argi(l, "kt", 0);
			o.btf_value_type_id = argi(l, "vt", 0);
		}
		if (in >= 0)
			o.inner_map_fd = raw_maps[in];
		int fd = bpf_map_create(argi(l, "type", 2), "m", argi(l, "key", 4), argi(l, "value", 8),
					argi(l, "max", 1), &o);
		if (fd < 0)
			fprintf(stderr, "map %d failed: %d (%s)\n", n_raw_maps, fd, l);
		char *t = fd >= 0 ? arg(l, "targets") : NULL;
		unsigned slot = 0;
		for (t = t ? strtok(t, ",") : NULL; t; t = strtok(NULL, ","), slot++) {
			unsigned value[4] = { atoi(t) };
			bpf_map_update_elem(fd, &slot, value, 0);
		}
		if (fd >= 0 && argi(l, "freeze", 0))
			bpf_map_freeze(fd);
		raw_maps[n_raw_maps++] = fd;
	}
}

static void raw_prog(char *l)
{
	size_t n;
	char *s;
	unsigned char *code = unhex(arg(l, "insns"), &n);
	struct bpf_insn *in = (void *)code;
	int cnt = n / 8, maps[64], nmaps = 0, bad = 0;
	if ((s = arg(l, "maps")))
		for (char *t = strtok(s, ","); t && nmaps < 64; t = strtok(NULL, ","))
			maps[nmaps++] = raw_maps[atoi(t)];
	for (int i = 0; i < nmaps; i++)
		bad |= maps[i] < 0;
	for (int i = 0; i + 1 < cnt; i++)
		if (in[i].code == (BPF_LD | BPF_IMM | BPF_DW)) {
			// 1: map, 2: map value; the immediate is an index into maps=
			if ((in[i].src_reg == 1 || in[i].src_reg == 2) && in[i].imm >= 0 && in[i].imm < nmaps)
				in[i].imm = maps[in[i].imm];
			i++;
		}
	struct bpf_func_info fi[256];
	int nfi = 0;
	if ((s = arg(l, "fi")))
		for (char *t = strtok(s, ","); t && nfi < 256; t = strtok(NULL, ","), nfi++) {
			unsigned off = 0, tid = 0;
			sscanf(t, "%u:%u", &off, &tid);
			fi[nfi].insn_off = off;
			fi[nfi].type_id = tid;
		}
	char lic[64];
	snprintf(lic, sizeof(lic), "%s", arg(l, "lic") ?: "GPL");
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = argi(l, "type", 1);
	attr.insn_cnt = cnt;
	attr.insns = (uintptr_t)in;
	attr.license = (uintptr_t)lic;
	attr.expected_attach_type = argi(l, "eat", 0);
	attr.prog_flags = argi(l, "flags", 0);
	attr.attach_btf_id = argi(l, "abtf", 0);
	int bi = argi(l, "btf", -1);
	if (bi >= 0) {
		attr.prog_btf_fd = raw_btf[bi];
		attr.func_info = (uintptr_t)fi;
		attr.func_info_cnt = nfi;
		attr.func_info_rec_size = sizeof(fi[0]);
	}
	begin_json(&json);
	sb_kint(&json, "unit", sh->unit);
	sb_kstr(&json, "id", arg(l, "id"));
	if (bad || (bi >= 0 && raw_btf[bi] < 0)) {
		sb_kstr(&json, "verdict", "setup_error");
		sb_kstr(&json, "error", bad ? "a map could not be created" : "BTF refused");
		if (!bad)
			sb_kint(&json, "errno", -raw_btf[bi]);
	} else {
		int fd = judged_load(&json, &attr, sizeof(attr), argi(l, "level", 0));
		if (fd >= 0 && argi(l, "run", 0)) {
			sb_key(&json, "run");
			sb_put(&json, "{", 1);
			test_run(&json, fd, l);
			sb_put(&json, "}", 1);
		}
		if (fd >= 0 && argi(l, "sleep", 0))
			usleep(argi(l, "sleep", 0) * 1000);
		if (fd >= 0 && raw_dump && nmaps) {
			sb_key(&json, "maps");
			sb_put(&json, "{", 1);
			for (int i = 0; i < nmaps; i++) {
				char nm[16];
				snprintf(nm, sizeof(nm), "%d", i);
				dump_map(&json, nm, maps[i]);
			}
			sb_put(&json, "}", 1);
		}
		if (fd >= 0)
			close(fd);
	}
	emit(&json);
	free(code);
}

// -------------------------------------------------------------------------- run
//   S name= obj= [only=prog,prog]       begin a scenario: open and load
//   R prog= [data= ctx= repeat= flags= cpu=]   A prog= (attach)   W ms=
//   U map= key= value= [flags=]   K map= key= (delete)   V (dump all maps)
//   E end: the last dump is always made

static void put_all_maps(struct sb *b, struct bpf_object *obj)
{
	struct bpf_map *m;
	sb_key(b, "maps");
	sb_put(b, "{", 1);
	if (obj)
		bpf_object__for_each_map(m, obj)
			dump_map(b, bpf_map__name(m), bpf_map__fd(m));
	sb_put(b, "}", 1);
}

static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);
	for (const char *s = list; (s = strstr(s, name)); s++)
		if ((s == list || s[-1] == ',') && (s[n] == 0 || s[n] == ','))
			return true;
	return false;
}

static void run_scenario(int from)
{
	struct bpf_object *obj = NULL;
	struct bpf_link *links[64];
	int nlinks = 0;
	char *l = lines[from];
	static char load_log[4 * MIB];
	uint64_t t0 = now_ns();

	begin_json(&json);
	sb_kint(&json, "unit", sh->unit);
	sb_kstr(&json, "scenario", arg(l, "name"));
	lib_msgs.n = 0;
	load_log[0] = 0;
	LIBBPF_OPTS(bpf_object_open_opts, o, .relaxed_maps = true, .kernel_log_buf = load_log,
		    .kernel_log_size = sizeof(load_log), .kernel_log_level = LVL_TRACE1);
	obj = bpf_object__open_file(arg(l, "obj"), &o);
	int err = obj ? 0 : -errno;
	if (obj) {
		char *only = arg(l, "only");
		struct bpf_program *p;
		bpf_object__for_each_program(p, obj) {
			if (only)
				bpf_program__set_autoload(p, listed(only, bpf_program__name(p)));
			if (bpf_program__type(p) == BPF_PROG_TYPE_UNSPEC)
				bpf_program__set_type(p, guess_type(bpf_object__btf(obj), p));
		}
		err = bpf_object__load(obj);
	}
	sb_kstr(&json, "load", err ? "fail" : "ok");
	if (err) {
		sb_kint(&json, "errno", -err);
		sb_key(&json, "error");
		sb_json(&json, lib_msgs.p ?: "", lib_msgs.n);
		sb_key(&json, "verifier");
		sb_put(&json, "{", 1);
		put_log_summary(&json, load_log);
		sb_put(&json, "}", 1);
	}
	sb_key(&json, "steps");
	sb_put(&json, "[", 1);
	for (int i = from + 1; !err && i < nlines && lines[i][0] != 'E'; i++) {
		l = lines[i];
		if (i > from + 1)
			sb_put(&json, ",", 1);
		sb_put(&json, "{", 1);
		sb_kint(&json, "at_usec", (now_ns() - t0) / 1000);
		char verb = l[0];
		if (verb == 'W') {
			long ms = argi(l, "ms", 0);
			sb_kint(&json, "sleep_ms", ms);
			struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };
			nanosleep(&ts, NULL);
		} else if (verb == 'V') {
			put_all_maps(&json, obj);
		} else if (verb == 'R' || verb == 'A') {
			const char *name = arg(l, "prog");
			struct bpf_program *p = bpf_object__find_program_by_name(obj, name);
			sb_kstr(&json, verb == 'R' ? "run" : "attach", name);
			if (!p || bpf_program__fd(p) < 0)
				sb_kstr(&json, "error", "no such program loaded");
			else if (verb == 'R')
				test_run(&json, bpf_program__fd(p), l);
			else if (nlinks < 64) {
				links[nlinks] = bpf_program__attach(p);
				sb_kint(&json, "errno", links[nlinks] ? 0 : errno);
				if (links[nlinks])
					nlinks++;
			}
		} else if (verb == 'U' || verb == 'K') {
			const char *name = arg(l, "map");
			struct bpf_map *m = bpf_object__find_map_by_name(obj, name);
			size_t kn, vn;
			unsigned char *k = unhex(arg(l, "key"), &kn), *v = unhex(arg(l, "value"), &vn);
			sb_kstr(&json, verb == 'U' ? "update" : "delete", name);
			if (!m)
				sb_kstr(&json, "error", "no such map");
			else
				sb_kint(&json, "errno",
					-(verb == 'U' ? bpf_map_update_elem(bpf_map__fd(m), kn ? k : NULL, v,
									    argi(l, "flags", 0)) :
							bpf_map_delete_elem(bpf_map__fd(m), k)));
			free(k);
			free(v);
		}
		sb_put(&json, "}", 1);
	}
	sb_put(&json, "]", 1);
	put_all_maps(&json, err ? NULL : obj);
	while (nlinks)
		bpf_link__destroy(links[--nlinks]);
	bpf_object__close(obj);
	emit(&json);
}

// ------------------------------------------------------------------------- main

enum mode { VERIFY, RAW, RUN };

static int unit_line[1 << 20], n_units;

// Everything from unit `first` on; the parent restarts this after a crash.
static void worker(enum mode mode, int first)
{
	libbpf_set_print(print_cb);
	int raw_at = 0;
	for (int u = first; u < n_units; u++) {
		char *l = lines[unit_line[u]];
		if (u != sh->unit || sh->nprogs < 0) {
			sh->unit = u;
			sh->crashes = sh->careful = 0;
			sh->nprogs = 0;
			memset((void *)sh->done, 0, sizeof(sh->done));
			if (mode != RAW)
				record_int('B', u);
		}
		sh->prog = -1;
		if (mode == VERIFY) {
			char *tab = strchr(l, '\t');
			char *path = strndup(l, tab - l);
			verify_object(path, tab + 1);
			free(path);
		} else if (mode == RAW) {
			for (; raw_at < unit_line[u]; raw_at++)
				if (lines[raw_at][0] != 'P')
					raw_line(lines[raw_at]);
			sh->prog = 0;
			sh->started = now_ns();
			raw_prog(l);
			sh->started = 0;
		} else {
			sh->prog = 0;
			sh->started = now_ns();
			run_scenario(unit_line[u]);
			sh->started = 0;
		}
		if (mode != RAW)
			record_int('D', u);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!strcmp(argv[1], "cat")) {
		static char data[64 * MIB];
		int fd = open(argv[2], O_RDONLY);
		ssize_t n = 0, k;
		while (fd >= 0 && (k = read(fd, data + n, sizeof(data) - n)) > 0)
			n += k;
		record('F', NULL, data, n);
		record('E', NULL, "", 0);
		return 0;
	}
	enum mode mode = !strcmp(argv[1], "raw") ? RAW : !strcmp(argv[1], "run") ? RUN : VERIFY;
	struct utsname u;
	uname(&u);
	snprintf(kernel_release, sizeof(kernel_release), "%s", u.release);
	for (int i = 3; i < argc; i++) {
		sscanf(argv[i], "level=%u", &opt.log_level);
		sscanf(argv[i], "cap=%zu", &opt.log_cap);
		sscanf(argv[i], "timeout=%d", &opt.timeout_s);
		if (!strcmp(argv[i], "tags"))
			opt.test_tags = true;
	}
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY }, files = { 65536, 65536 };
	setrlimit(RLIMIT_MEMLOCK, &lim);
	setrlimit(RLIMIT_NOFILE, &files);
	sh->unit = -1;
	sh->nprogs = -1;
	read_spec(argv[2]);
	for (int i = 0; i < nlines; i++)
		if (mode == VERIFY ? lines[i][0] == '/' : lines[i][0] == (mode == RAW ? 'P' : 'S'))
			unit_line[n_units++] = i;

	int first = 0;
	while (first < n_units) {
		pid_t pid = fork();
		if (!pid)
			worker(mode, first);
		int st;
		bool killed = false;
		while (waitpid(pid, &st, WNOHANG) == 0) {
			uint64_t t = sh->started;
			if (t && now_ns() > t && now_ns() - t > opt.timeout_s * 1000000000ull && !sh->writing) {
				killed = true;
				kill(pid, SIGKILL);
				waitpid(pid, &st, 0);
				break;
			}
			usleep(20000);
		}
		if (!killed && WIFEXITED(st) && WEXITSTATUS(st) == 0)
			break;
		first = sh->unit < 0 ? 0 : sh->unit;
		// The worker died or was killed: say so, and go on behind it.
		char msg[160];
		int k = snprintf(msg, sizeof(msg), killed ? "no answer within %d s" : "the loader died (status %#x)",
				 killed ? opt.timeout_s : st);
		sh->started = 0;
		sh->writing = 0;
		if (mode == VERIFY && sh->prog >= 0) {
			begin_json(&json);
			sb_kint(&json, "unit", sh->unit);
			sb_kstr(&json, "file", strchr(lines[unit_line[first]], '\t') + 1);
			sb_kstr(&json, "prog", sh->name);
			sb_kstr(&json, "verdict", killed ? "timeout" : "loader_crash");
			sb_kstr(&json, "error", msg);
			emit(&json);
			sh->done[sh->prog] = 1;
			sh->careful = 1;
		} else if (mode == VERIFY && sh->crashes++ == 0) {
			sh->careful = 1;
		} else {
			object_error(mode == VERIFY ? strchr(lines[unit_line[first]], '\t') + 1 : lines[unit_line[first]],
				     killed ? "timeout" : "loader_crash", 0, msg, k);
			if (mode != RAW)
				record_int('D', first);
			first++;
			sh->nprogs = -1;
		}
	}
	record('E', NULL, "", 0);
	return 0;
}

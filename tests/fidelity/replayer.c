/*
 * The only program of the recorded machine: replays traces inside memcgs and copies the kernel's files out.
 *
 * Here: what must happen inside, as PID 1 of an initramfs: a fresh swap device and file system per run, a memcg, a
 * child per task that touches pages, and verbatim copies of the kernel's files between the phases. Not here: any
 * understanding of those files. They go out on the second serial port, each as a line `=name bytes` and its bytes,
 * and are read by guest_log.py, which can be tested without a machine.
 *
 * /plan has one line per run, `run` lines first, then a `task` line for each of its tasks; see struct run and struct
 * task for the words. The parent tells a child by one byte what to do and hears one byte when it is done. While it
 * waits it reads memory.stat every flush_us: since 6.12 reclaim looks at counters that may be two seconds old
 * (mem_cgroup_flush_stats_ratelimited(), mm/memcontrol.c), and a reader makes the kernel fold them.
 *
 * The traces are mapped from the initramfs, whose pages belong to no memcg and cannot be reclaimed (the kernel is
 * started with rootfstype=ramfs for that); so what a task is charged for is what the trace names.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "ballast.h"
#include "guest_io.h"

#define TABLE_BYTES (UINT64_C(2) << 20) /* what one page table maps: regions start there */
#define IS_WRITE 0x80000000u
#define IS_FILE 0x40000000u
#define INDEX_MASK 0x3fffffffu
#define MAX_TASKS 4
#define MAX_NAME 64
#define PATTERN_WORDS 64 /* of 512 that differ from page to page, so that zram stores something and fills slowly */
#define SSD_BYTES (64u << 20) /* of the swap device that is an SSD; its memory is taken at boot */
#define WRITTEN_WORD 2 /* a trace's writes go here and leave word 0, which names the page */

#define LAB "/cg/lab"
#define SIBLINGS LAB "/siblings"
#define FILE_PATH "/mnt/pages"

struct task {
	/* Words of its line. turn: accesses until the next task has its turn, 0: all; low, min: of its memcg; pages. */
	char trace[MAX_NAME], mode[MAX_NAME];
	uint64_t anon, file, low, min, turn;

	char cgroup[MAX_NAME];
	const uint32_t *words;
	uint64_t nr_words, next;
	unsigned char *anon_region, *file_region;
	int fd, go, done;
	pid_t pid;
	struct result {
		uint64_t nr_bad, is_over;
		unsigned char resident[];
	} *result; /* shared with the child */
};

struct run {
	/*
	 * Words of its line. limit: memory.max in pages, 0: none; room: pages that are free above the high watermark
	 * when the tasks begin, 0: all that the machine has; swap: a block device or none; disk: has the file;
	 * fs: on it; siblings_low: memory.low of a memcg between the limited one and those of the tasks, 0: there is none.
	 */
	char id[MAX_NAME], lru[MAX_NAME], swap[MAX_NAME], disk[MAX_NAME], fs[MAX_NAME];
	uint64_t limit, room, siblings_low, flush_us, page_cluster, readahead_kb, fault_around_bytes, tasks;

	uint64_t nr_flushes;
	struct ballast *ballast;
	struct task task[MAX_TASKS];
};

/* Everything that the kernel tells at this moment; `point` is start, populated, end or killed. */
static void snapshot(const struct run *run, const char *point)
{
	static const char *const memcg_files[] = { "memory.stat", "memory.current", "memory.swap.current",
						   "memory.events" };
	char folder[64];

	write_text("/proc/sys/vm/stat_refresh", "1");
	emit("point", point, strlen(point));
	emit_file("vmstat", "/proc/", "vmstat");
	emit_file("zoneinfo", "/proc/", "zoneinfo");
	emit_file("uptime", "/proc/", "uptime");
	emit_file("lru_gen", "/sys/kernel/debug/", "lru_gen");
	emit_file("zram", "/sys/block/zram0/", "mm_stat");
	for (int i = 0; i < 4; i++)
		emit_file(memcg_files[i], LAB "/", memcg_files[i]);
	for (uint64_t i = 0; i < run->tasks; i++) {
		emit_number("task", i);
		snprintf(folder, sizeof(folder), "/proc/%d/", run->task[i].pid);
		emit_file("stat", folder, "stat");
		emit_file("io", folder, "io");
		snprintf(folder, sizeof(folder), "%s/", run->task[i].cgroup);
		for (int f = 0; f < 4 && run->tasks > 1; f++)
			emit_file(memcg_files[f], folder, memcg_files[f]);
	}
	fflush(out);
}

/* The child's side. */

static unsigned char *reserve(uint64_t nr_pages)
{
	uint64_t bytes = nr_pages * PAGE_BYTES;
	unsigned char *p = mmap(NULL, bytes + 2 * TABLE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		give_up("mmap", "room");
	return (unsigned char *)(((uintptr_t)p + TABLE_BYTES - 1) & ~(uintptr_t)(TABLE_BYTES - 1));
}

static int is_buffered(const struct task *t)
{
	return strcmp(t->mode, "fread") == 0;
}

/* MADV_RANDOM is not used: it would have the kernel disregard the accessed bits of the mapping. */
static void map_regions(struct task *t)
{
	if (t->anon) {
		t->anon_region = mmap(reserve(t->anon), t->anon * PAGE_BYTES, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (t->anon_region == MAP_FAILED)
			give_up("mmap", "anonymous memory");
	}
	if (!t->file)
		return;
	t->fd = open(FILE_PATH, O_RDWR);
	if (t->fd < 0)
		give_up("open", FILE_PATH);
	if (is_buffered(t))
		return;
	t->file_region = mmap(reserve(t->file), t->file * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			      t->fd, 0);
	if (t->file_region == MAP_FAILED)
		give_up("mmap", FILE_PATH);
}

static void fill_page(uint64_t *page, uint64_t index)
{
	uint64_t x = index * 0x2545f4914f6cdd1d + 1;

	page[0] = index + 1;
	for (int i = 1; i < PATTERN_WORDS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		page[i] = x;
	}
	for (int i = PATTERN_WORDS; i < (int)(PAGE_BYTES / 8); i++)
		page[i] = index;
}

static void touch_file(struct task *t, uint64_t index, int writes)
{
	off_t at = (off_t)(index * PAGE_BYTES);
	uint64_t word = 0;

	if (!is_buffered(t)) {
		volatile uint64_t *page = (uint64_t *)(t->file_region + at);

		if (writes)
			page[WRITTEN_WORD] = t->next;
		else
			t->result->nr_bad += page[0] != index + 1;
	} else if (writes) {
		if (pwrite(t->fd, &t->next, 8, at + 8 * WRITTEN_WORD) != 8)
			give_up("pwrite", FILE_PATH);
	} else {
		if (pread(t->fd, &word, 8, at) != 8)
			give_up("pread", FILE_PATH);
		t->result->nr_bad += word != index + 1;
	}
}

static void populate(struct task *t)
{
	for (uint64_t i = 0; i < t->anon; i++)
		fill_page((uint64_t *)(t->anon_region + i * PAGE_BYTES), i);
	for (uint64_t i = 0; i < t->file; i++)
		touch_file(t, i, 0);
}

static void replay_turn(struct task *t)
{
	uint64_t end = t->turn && t->nr_words - t->next > t->turn ? t->next + t->turn : t->nr_words;

	for (; t->next < end; t->next++) {
		uint32_t word = t->words[t->next], index = word & INDEX_MASK;

		if ((word & IS_FILE) || !t->anon) {
			touch_file(t, index, (word & IS_WRITE) != 0);
		} else {
			volatile uint64_t *page = (uint64_t *)(t->anon_region + (uint64_t)index * PAGE_BYTES);

			if (word & IS_WRITE)
				page[WRITTEN_WORD] = t->next;
			else
				t->result->nr_bad += page[0] != index + UINT64_C(1);
		}
	}
	t->result->is_over = t->next == t->nr_words;
}

static void look_at_residency(struct task *t)
{
	unsigned char *file = t->file_region;

	if (t->file && !file)
		file = mmap(NULL, t->file * PAGE_BYTES, PROT_READ, MAP_SHARED, t->fd, 0);
	if (t->anon && mincore(t->anon_region, t->anon * PAGE_BYTES, t->result->resident))
		give_up("mincore", "anonymous memory");
	if (t->file && mincore(file, t->file * PAGE_BYTES, t->result->resident + t->anon))
		give_up("mincore", FILE_PATH);
}

static void obey(struct task *t)
{
	uint64_t sum = 0;
	char order;

	write_number(t->cgroup, "/cgroup.procs", 0);
	map_regions(t);
	for (uint64_t i = 0; i < t->nr_words; i += PAGE_BYTES / 4)
		sum += t->words[i];
	*(volatile uint64_t *)&t->result->nr_bad = sum & 0; /* the trace is mapped now */
	order = 'i';
	do {
		if (order == 'p')
			populate(t);
		else if (order == 't')
			replay_turn(t);
		else if (order == 'r')
			look_at_residency(t);
		if (write(t->done, &order, 1) != 1)
			_exit(1);
	} while (read(t->go, &order, 1) == 1);
	_exit(0);
}

/* The parent's side. */

/* Wait until the child is done; 0 when it was killed. */
static int wait_for(struct run *run, struct task *t)
{
	static char stat[1 << 14];
	struct timespec period = { (time_t)(run->flush_us / 1000000), (long)(run->flush_us % 1000000) * 1000 };
	struct pollfd fd = { t->done, POLLIN, 0 };
	const char *path = run->room ? "/cg/memory.stat" : LAB "/memory.stat"; /* of whom reclaim asks about */
	int file = run->flush_us ? open(path, O_RDONLY) : -1;
	char answer;

	while (file >= 0 && ppoll(&fd, 1, &period, NULL) == 0) {
		if (pread(file, stat, sizeof(stat), 0) <= 0)
			give_up("read", "memory.stat");
		run->nr_flushes++;
	}
	if (file >= 0)
		close(file);
	return read(t->done, &answer, 1) == 1;
}

static int order(struct run *run, struct task *t, char what)
{
	return write(t->go, &what, 1) == 1 && wait_for(run, t);
}

static int order_all(struct run *run, char what)
{
	for (uint64_t i = 0; i < run->tasks; i++) {
		if (!order(run, &run->task[i], what))
			return 0;
	}
	return 1;
}

static int replay_all(struct run *run)
{
	int is_over;

	do {
		is_over = 1;
		for (uint64_t i = 0; i < run->tasks; i++) {
			struct task *t = &run->task[i];

			if (!t->result->is_over && !order(run, t, 't'))
				return 0;
			is_over &= t->result->is_over != 0;
		}
	} while (!is_over);
	return 1;
}

static void *shared_memory(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		give_up("mmap", "shared memory");
	return p;
}

static void make_memcg(const char *path)
{
	if (mkdir(path, 0755))
		give_up("mkdir", path);
}

static void open_trace(struct task *t)
{
	char path[MAX_NAME + 16];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/traces/%s", t->trace);
	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) || !st.st_size)
		give_up("open", path);
	t->nr_words = (uint64_t)st.st_size / 4;
	t->words = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (t->words == MAP_FAILED)
		give_up("mmap", path);
	close(fd);
}

/*
 * Where the machine is short, pages of the harness stay in memory: each would compress to a size of its own and so take
 * a zspage of its own, up to eight pages for one.
 */
static void stay(const struct run *run, int flags)
{
	if (run->room && mlockall(flags))
		give_up("lock", "the harness");
}

static void start_task(struct run *run, uint64_t number)
{
	struct task *t = &run->task[number];
	int go[2], done[2];

	snprintf(t->cgroup, sizeof(t->cgroup), LAB);
	if (run->tasks > 1) {
		snprintf(t->cgroup, sizeof(t->cgroup), "%s/%llu", run->siblings_low ? SIBLINGS : LAB,
			 (unsigned long long)number);
		make_memcg(t->cgroup);
	}
	if (t->low)
		write_number(t->cgroup, "/memory.low", t->low * PAGE_BYTES);
	if (t->min)
		write_number(t->cgroup, "/memory.min", t->min * PAGE_BYTES);
	open_trace(t);
	t->result = shared_memory(sizeof(*t->result) + t->anon + t->file);
	if (pipe2(go, O_CLOEXEC) || pipe2(done, O_CLOEXEC))
		give_up("pipe", t->trace);
	fflush(NULL);
	t->pid = fork();
	if (t->pid < 0)
		give_up("fork", t->trace);
	t->go = t->pid ? go[1] : go[0];
	t->done = t->pid ? done[0] : done[1];
	close(t->pid ? go[0] : go[1]);
	close(t->pid ? done[1] : done[0]);
	if (!t->pid) {
		for (uint64_t i = 0; i < number; i++) /* or an earlier task would never read the end of its orders */
			close(run->task[i].go);
		stay(run, MCL_CURRENT);
		obey(t);
	}
	if (!wait_for(run, t))
		give_up("start", t->trace);
}

static void end_task(struct run *run, uint64_t number)
{
	struct task *t = &run->task[number];
	int status;

	close(t->go);
	waitpid(t->pid, &status, 0);
	close(t->done);
	emit_number("task", number);
	emit_number("exit", (uint64_t)status);
	emit_number("bad", t->result->nr_bad);
	emit("resident", t->result->resident, t->anon + t->file);
	munmap((void *)t->words, t->nr_words * 4);
	munmap(t->result, sizeof(*t->result) + t->anon + t->file);
	if (run->tasks > 1)
		rmdir(t->cgroup);
}

static int is_zram(const struct run *run)
{
	return strcmp(run->swap, "/dev/zram0") == 0;
}

/* The header that mkswap(8) writes: version 1, the last page, no bad ones (union swap_header, linux/swap.h). */
static void start_swap(const struct run *run)
{
	static unsigned char header[PAGE_BYTES];
	uint32_t info[3] = { 1, 0, 0 };
	off_t bytes;
	int fd;

	if (strcmp(run->swap, "none") == 0)
		return;
	if (is_zram(run)) {
		write_text("/sys/block/zram0/comp_algorithm", "lz4");
		write_text("/sys/block/zram0/disksize", "1G");
	}
	fd = open(run->swap, O_RDWR);
	bytes = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (bytes > (off_t)SSD_BYTES && strcmp(run->swap, "/dev/nullb1") == 0)
		bytes = SSD_BYTES;
	if (bytes < (off_t)(2 * PAGE_BYTES))
		give_up("open", run->swap);
	info[1] = (uint32_t)(bytes / PAGE_BYTES) - 1;
	memset(header, 0, sizeof(header));
	memcpy(header + 1024, info, sizeof(info));
	memcpy(header + PAGE_BYTES - 10, "SWAPSPACE2", 10);
	if (pwrite(fd, header, PAGE_BYTES, 0) != PAGE_BYTES || fsync(fd))
		give_up("write", run->swap);
	close(fd);
	if (swapon(run->swap, 0))
		give_up("swapon", run->swap);
}

static void stop_swap(const struct run *run)
{
	if (strcmp(run->swap, "none") == 0)
		return;
	if (swapoff(run->swap))
		give_up("swapoff", run->swap);
	if (is_zram(run))
		write_text("/sys/block/zram0/reset", "1");
}

static int needs_file(const struct run *run)
{
	uint64_t nr_pages = 0;

	for (uint64_t i = 0; i < run->tasks; i++)
		nr_pages += run->task[i].file;
	return nr_pages != 0;
}

/* Everything as if the machine had just started; a mount of its own leaves no page and no shadow entry over. */
static void prepare(const struct run *run)
{
	stay(run, MCL_CURRENT | MCL_FUTURE);
	write_text("/proc/sys/vm/drop_caches", "3");
	write_text("/sys/kernel/mm/lru_gen/enabled", strcmp(run->lru, "mglru") ? "0" : "7");
	write_number("/proc/sys/vm/", "page-cluster", run->page_cluster);
	write_number("/sys/kernel/debug/", "fault_around_bytes", run->fault_around_bytes);
	start_swap(run);
	if (needs_file(run)) {
		char queue[MAX_NAME + 32];

		if (mount(run->disk, "/mnt", run->fs, MS_NOATIME, ""))
			give_up("mount", run->disk);
		snprintf(queue, sizeof(queue), "/sys/block/%s/queue/", strrchr(run->disk, '/') + 1);
		write_number(queue, "read_ahead_kb", run->readahead_kb);
	}
	make_memcg(LAB);
	if (run->limit)
		write_number(LAB, "/memory.max", run->limit * PAGE_BYTES);
	write_text(LAB "/memory.swap.max", "max");
	if (run->tasks > 1)
		write_text(LAB "/cgroup.subtree_control", "+memory");
	if (run->siblings_low) {
		make_memcg(SIBLINGS);
		write_number(SIBLINGS, "/memory.low", run->siblings_low * PAGE_BYTES);
		write_text(SIBLINGS "/cgroup.subtree_control", "+memory");
	}
}

static void clean_up(const struct run *run)
{
	int nr_tries = 0;

	if (needs_file(run) && umount("/mnt"))
		give_up("umount", "/mnt");
	stop_swap(run);
	if (run->siblings_low)
		rmdir(SIBLINGS);
	while (rmdir(LAB) && errno == EBUSY && ++nr_tries < 100)
		usleep(20000);
}

static void record_run(struct run *run)
{
	int is_alive;

	emit("run", run->id, strlen(run->id));
	prepare(run);
	for (uint64_t i = 0; i < run->tasks; i++)
		start_task(run, i);
	if (run->room)
		run->ballast = take_ballast(run->room);
	snapshot(run, "start");
	is_alive = order_all(run, 'p');
	if (is_alive)
		snapshot(run, "populated");
	run->nr_flushes = 0;
	is_alive = is_alive && replay_all(run);
	snapshot(run, is_alive ? "end" : "killed");
	if (run->room)
		drop_ballast(run->ballast);
	if (is_alive)
		order_all(run, 'r');
	emit("point", "over", 4);
	emit_number("flushes", run->nr_flushes);
	for (uint64_t i = 0; i < run->tasks; i++)
		end_task(run, i);
	clean_up(run);
	fflush(out);
}

/* One word `name=value` of a line. */
static int take_word(char *word, const char *name, char *text, uint64_t *number)
{
	size_t length = strlen(name);

	if (strncmp(word, name, length) || word[length] != '=')
		return 0;
	if (text)
		snprintf(text, MAX_NAME, "%s", word + length + 1);
	else
		*number = strtoull(word + length + 1, NULL, 10);
	return 1;
}

static void read_run_line(char *line, struct run *run)
{
	char *place, *word;

	for (word = strtok_r(line, " \n", &place); word; word = strtok_r(NULL, " \n", &place)) {
		if (!take_word(word, "id", run->id, NULL) && !take_word(word, "lru", run->lru, NULL) &&
		    !take_word(word, "swap", run->swap, NULL) && !take_word(word, "disk", run->disk, NULL) &&
		    !take_word(word, "fs", run->fs, NULL) &&
		    !take_word(word, "limit", NULL, &run->limit) && !take_word(word, "room", NULL, &run->room) &&
		    !take_word(word, "siblings_low", NULL, &run->siblings_low) &&
		    !take_word(word, "flush_us", NULL, &run->flush_us) &&
		    !take_word(word, "page_cluster", NULL, &run->page_cluster) &&
		    !take_word(word, "readahead_kb", NULL, &run->readahead_kb) &&
		    !take_word(word, "fault_around_bytes", NULL, &run->fault_around_bytes) &&
		    !take_word(word, "tasks", NULL, &run->tasks))
			give_up("no such word of a run:", word);
	}
	if (run->tasks < 1 || run->tasks > MAX_TASKS)
		give_up("tasks of", run->id);
}

static void read_task_line(char *line, struct task *t)
{
	char *place, *word;

	for (word = strtok_r(line, " \n", &place); word; word = strtok_r(NULL, " \n", &place)) {
		if (!take_word(word, "trace", t->trace, NULL) && !take_word(word, "mode", t->mode, NULL) &&
		    !take_word(word, "anon", NULL, &t->anon) && !take_word(word, "file", NULL, &t->file) &&
		    !take_word(word, "low", NULL, &t->low) && !take_word(word, "min", NULL, &t->min) &&
		    !take_word(word, "turn", NULL, &t->turn))
			give_up("no such word of a task:", word);
	}
}

static void follow_plan(void)
{
	FILE *plan = fopen("/plan", "r");
	char line[512];

	if (!plan)
		give_up("open", "/plan");
	while (fgets(line, sizeof(line), plan)) {
		struct run run = { .fs = "ext4", .tasks = 1 };

		if (strncmp(line, "run ", 4))
			give_up("no run:", line);
		read_run_line(line + 4, &run);
		for (uint64_t i = 0; i < run.tasks; i++) {
			if (!fgets(line, sizeof(line), plan) || strncmp(line, "task ", 5))
				give_up("a task is missing of", run.id);
			read_task_line(line + 5, &run.task[i]);
		}
		record_run(&run);
	}
	fclose(plan);
}

/* Two SSDs: any request takes 80 us (ssd_read_ns, reclaim/abi/costs.py), as many at once as come. */
#define SSDS "nr_devices=2 gb=1 bs=4096 queue_mode=2 memory_backed=1 irqmode=2 completion_nsec=80000"

static void load_modules(void)
{
	FILE *list = fopen("/modules/list", "r");
	char path[128];

	while (list && fscanf(list, "%127s", path) == 1) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		const char *parameters = strstr(path, "zram") ? "num_devices=2" : strstr(path, "null_blk") ? SSDS : "";

		if (fd < 0 || (syscall(SYS_finit_module, fd, parameters, 0) && errno != EEXIST))
			give_up("load", path);
		close(fd);
	}
}

/* The port as it is: no carriage returns added. */
static void open_port(void)
{
	struct termios port;

	out = fopen("/dev/ttyS1", "w");
	if (!out || tcgetattr(fileno(out), &port))
		give_up("open", "/dev/ttyS1");
	cfmakeraw(&port);
	tcsetattr(fileno(out), TCSANOW, &port);
	setvbuf(out, NULL, _IOFBF, 1 << 16);
}

static void fill_device(const char *path, int from, uint64_t bytes)
{
	static char block[1 << 16];
	int to = open(path, O_WRONLY);

	for (uint64_t at = 0; at < bytes; at += sizeof(block)) {
		size_t length = bytes - at < sizeof(block) ? bytes - at : sizeof(block);

		if (from >= 0 && pread(from, block, length, (off_t)at) != (ssize_t)length)
			give_up("read for", path);
		if (write(to, block, length) != (ssize_t)length)
			give_up("write to", path);
	}
	if (fsync(to))
		give_up("fsync", path);
	close(to);
}

/*
 * The file system lies on a disk of memory, whose requests are done when their submission returns, and on an SSD, so
 * that no run depends on how soon the host serves a disk.
 */
static void fill_disks(void)
{
	struct stat st;
	int from = open("/image", O_RDONLY);

	fill_device("/dev/nullb1", -1, SSD_BYTES);
	if (from < 0)
		return;
	if (fstat(from, &st))
		give_up("stat", "/image");
	write_number("/sys/block/zram1/", "disksize", (uint64_t)st.st_size);
	fill_device("/dev/zram1", from, (uint64_t)st.st_size);
	fill_device("/dev/nullb0", from, (uint64_t)st.st_size);
	close(from);
	unlink("/image");
}

static void set_up_machine(void)
{
	static const char *const places[][4] = {
		{ "proc", "/proc", "proc", "" },
		{ "sysfs", "/sys", "sysfs", "" },
		{ "devtmpfs", "/dev", "devtmpfs", "" },
		{ "debugfs", "/sys/kernel/debug", "debugfs", "" },
		{ "cgroup2", "/cg", "cgroup2", "memory_recursiveprot" }, /* as systemd mounts it */
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		mkdir(places[i][1], 0755);
		if (mount(places[i][0], places[i][1], places[i][2], 0, places[i][3]) && errno != EBUSY)
			give_up("mount", places[i][1]);
	}
	mkdir("/mnt", 0755);
	open_port();
	load_modules();
	fill_disks();
	write_text("/cg/cgroup.subtree_control", "+memory");
	write_text("/sys/kernel/mm/transparent_hugepage/enabled", "never");
	write_text("/sys/kernel/mm/lru_gen/min_ttl_ms", "0");
}

static void tell_about_machine(void)
{
	static const char *const files[] = { "version", "cmdline", "meminfo", "zoneinfo" };

	for (int i = 0; i < 4; i++)
		emit_file(files[i], "/proc/", files[i]);
	emit_file("swappiness", "/proc/sys/vm/", "swappiness");
	fflush(out);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	set_up_machine();
	tell_about_machine();
	follow_plan();
	emit("done", "", 0);
	fflush(out);
	usleep(200000); /* the port's last bytes */
	reboot(RB_AUTOBOOT);
	return 1;
}

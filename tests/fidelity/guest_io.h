/*
 * Files of the guest's kernel, and the port to the host.
 *
 * Here: reading and writing small files, frames on the port, and the end of everything. Not here: what is read and
 * why (replayer.c), and what becomes of frames (guest_log.py).
 */
#ifndef GUEST_IO_H
#define GUEST_IO_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#define PAGE_BYTES 4096u

static FILE *out;

/* The end of everything: says why where the host listens, and stops the machine. */
static void give_up(const char *what, const char *name)
{
	char text[256];
	int length = snprintf(text, sizeof(text), "%s %s: %s", what, name, strerror(errno));

	fprintf(out ? out : stderr, "=fatal %d\n%s\n", length, text);
	fflush(NULL);
	if (getpid() == 1)
		reboot(RB_AUTOBOOT);
	_exit(1);
}

static int try_write(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);
	ssize_t nr = fd < 0 ? -1 : write(fd, value, strlen(value));

	if (fd >= 0)
		close(fd);
	return nr == (ssize_t)strlen(value) ? 0 : -1;
}

static void write_text(const char *path, const char *value)
{
	if (try_write(path, value))
		give_up("write to", path);
}

static void write_number(const char *folder, const char *name, uint64_t value)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), "%s%s", folder, name);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	write_text(path, text);
}

static size_t read_whole(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t length = 0;
	ssize_t nr;

	while (fd >= 0 && length < size && (nr = read(fd, text + length, size - length)) > 0)
		length += (size_t)nr;
	if (fd >= 0)
		close(fd);
	return length;
}

static void emit(const char *name, const void *data, size_t length)
{
	fprintf(out, "=%s %zu\n", name, length);
	fwrite(data, 1, length, out);
	fputc('\n', out);
}

static void emit_number(const char *name, uint64_t value)
{
	char text[32];

	emit(name, text, (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)value));
}

static void emit_file(const char *name, const char *folder, const char *path)
{
	static char text[1 << 18];
	char whole[128];

	snprintf(whole, sizeof(whole), "%s%s", folder, path);
	emit(name, text, read_whole(whole, text, sizeof(text)));
}

#endif

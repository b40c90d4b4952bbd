/* Segment a picture with an exported model: C11 and ONNX Runtime, nothing of faceseg.

       ./segment face-unet.onnx photo.ppm mask.pgm

   All it knows of the model it reads from the model: the contract is JSON in the ONNX metadata
   under "faceseg". Pictures are binary PPM (P6), masks PGM: an app has a decoder of its own. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_include)
#if __has_include(<onnxruntime_c_api.h>)
#include <onnxruntime_c_api.h>
#define HAS_HEADER
#endif
#endif
#ifndef HAS_HEADER
#include "ort_min.h"
#endif

static const OrtApi *ort;

static _Noreturn void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "error: ");
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  va_end(arguments);
  exit(2);
}

static void check(OrtStatus *status) {
  if (status) fail("ONNX Runtime: %s", ort->GetErrorMessage(status));
}

/* The text after a key of the contract, which json.dumps wrote: `"key": value`. */
static const char *after(const char *json, const char *key) {
  char quoted[32];
  snprintf(quoted, sizeof quoted, "\"%s\": ", key);
  const char *found = strstr(json, quoted);
  if (!found) fail("broken contract: no %s", key);
  return found + strlen(quoted);
}

/* Copy a string of JSON, from quote to quote; names in a contract need no escapes. */
static const char *string(const char *json, char *copy, size_t size) {
  const char *start = strchr(json, '"'), *end = start ? strchr(start + 1, '"') : NULL;
  if (!end || (size_t)(end - start) > size) fail("broken contract: no name at %.20s", json);
  memcpy(copy, start + 1, (size_t)(end - start - 1));
  copy[end - start - 1] = '\0';
  return end + 1;
}

/* One number of a PPM's head; `#` starts a comment. */
static long number(FILE *file, const char *path) {
  int c = getc(file);
  while (c == '#' || c == ' ' || c == '\t' || c == '\r' || c == '\n') {
    if (c == '#')
      while (c != '\n' && c != EOF) c = getc(file);
    c = getc(file);
  }
  long value = 0;
  for (; c >= '0' && c <= '9' && value < 1000000; c = getc(file)) value = value * 10 + c - '0';
  if (value < 1 || value >= 1000000) fail("%s: broken PPM head", path);
  return value;
}

static unsigned char *read_ppm(const char *path, long *width, long *height) {
  FILE *file = fopen(path, "rb");
  if (!file) fail("%s: cannot be opened", path);
  if (getc(file) != 'P' || getc(file) != '6') fail("%s: not a binary PPM (P6)", path);
  *width = number(file, path);
  *height = number(file, path);
  if (number(file, path) != 255) fail("%s: expected 8 bits (a maximum of 255)", path);
  if (*width * *height > 100000000) fail("%s: %ld x %ld pixels", path, *width, *height);
  size_t bytes = (size_t)(*width * *height) * 3;
  unsigned char *pixels = malloc(bytes);
  if (!pixels || fread(pixels, 1, bytes, file) != bytes) fail("%s: cut short", path);
  fclose(file);
  return pixels;
}

int main(int argc, char **argv) {
  if (argc != 4) fail("usage: %s MODEL.onnx PICTURE.ppm MASK.pgm", argv[0]);
  ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
  if (!ort) fail("this library is older than the header (API version %d)", ORT_API_VERSION);

  OrtEnv *env;
  OrtSessionOptions *options;
  OrtSession *session;
  check(ort->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "faceseg", &env));
  check(ort->CreateSessionOptions(&options));
  check(ort->CreateSession(env, argv[1], options, &session));

  OrtModelMetadata *metadata;
  OrtAllocator *allocator;
  char *contract = NULL, input[64], output[64], name[64];
  check(ort->SessionGetModelMetadata(session, &metadata));
  check(ort->GetAllocatorWithDefaultOptions(&allocator));
  check(ort->ModelMetadataLookupCustomMetadataMap(metadata, allocator, "faceseg", &contract));
  if (!contract) fail("%s: not a model of faceseg export", argv[1]);
  long version = strtol(after(contract, "version"), NULL, 10);
  if (version != 1 && version != 2)
    fail("%s: contract version %ld, this app knows 1 and 2", argv[1], version);
  string(after(after(contract, "input"), "name"), input, sizeof input);
  string(after(after(contract, "outputs"), "name"), output, sizeof output);
  if (strcmp(output, "mask")) fail("%s: gives %s, this app takes a mask", argv[1], output);

  long width, height, tall, wide;
  unsigned char *pixels = read_ppm(argv[2], &width, &height), *mask;
  /* Numbers stand in the shape of a file that takes one size alone, names in that of others. */
  if (sscanf(after(after(contract, "input"), "shape"), "[%*d, %ld, %ld", &tall, &wide) == 2 &&
      (tall != height || wide != width))
    fail("%s: %ldx%ld, %s takes %ldx%ld alone", argv[2], height, width, argv[1], tall, wide);
  OrtMemoryInfo *memory;
  OrtValue *image, *result = NULL;
  const int64_t shape[] = {1, height, width, 3};
  const char *inputs[] = {input}, *outputs[] = {output};
  check(ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
  check(ort->CreateTensorWithDataAsOrtValue(memory, pixels, (size_t)(width * height) * 3, shape, 4,
                                            ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, &image));
  check(ort->Run(session, NULL, inputs, (const OrtValue *const *)&image, 1, outputs, 1, &result));
  check(ort->GetTensorMutableData(result, (void **)&mask));

  /* Class ids as they are; the greatest of them is the PGM's white. */
  long counts[256] = {0}, total = width * height, classes = 0;
  for (long i = 0; i < total; i++) counts[mask[i]]++;
  for (const char *list = after(contract, "classes"); *list != ']' && classes < 256; classes++) {
    list = string(list, name, sizeof name);
    printf("%-12s%6.2f%%\n", name, 100.0 * (double)counts[classes] / (double)total);
  }
  FILE *file = fopen(argv[3], "wb");
  if (!file || fprintf(file, "P5\n%ld %ld\n%ld\n", width, height, classes - 1) < 0 ||
      fwrite(mask, 1, (size_t)total, file) != (size_t)total || fclose(file))
    fail("%s: cannot be written", argv[3]);

  ort->ReleaseValue(result);
  ort->ReleaseValue(image);
  ort->ReleaseMemoryInfo(memory);
  free(pixels);
  ort->ReleaseModelMetadata(metadata);
  ort->ReleaseSession(session);
  ort->ReleaseSessionOptions(options);
  ort->ReleaseEnv(env);
  return 0;
}

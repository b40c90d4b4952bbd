/* The few entries of ONNX Runtime's C API that segment.c uses, for machines without its header.

   OrtApi is a table of function pointers to which ONNX Runtime only ever appends, so that an app of
   version 1 runs with every later library; the numbers below are places in it. Types, names and
   order of arguments are those of onnxruntime_c_api.h, which is taken instead where it is found. */
#ifndef ORT_MIN_H
#define ORT_MIN_H

#include <stddef.h>
#include <stdint.h>

#define ORT_API_VERSION 1

typedef struct OrtEnv OrtEnv;
typedef struct OrtStatus OrtStatus;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtModelMetadata OrtModelMetadata;
typedef struct OrtValue OrtValue;
typedef struct OrtAllocator OrtAllocator;

enum { ORT_LOGGING_LEVEL_ERROR = 3 };
enum { OrtArenaAllocator = 1, OrtMemTypeDefault = 0 };
enum { ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 = 2 };

typedef void (*OrtUnused)(void);

typedef struct OrtApi {
  OrtUnused unused_0[2];
  const char *(*GetErrorMessage)(const OrtStatus *);                                  /* 2 */
  OrtStatus *(*CreateEnv)(int level, const char *name, OrtEnv **);                    /* 3 */
  OrtUnused unused_4[3];
  OrtStatus *(*CreateSession)(const OrtEnv *, const char *path, const OrtSessionOptions *,
                              OrtSession **);                                         /* 7 */
  OrtUnused unused_8[1];
  OrtStatus *(*Run)(OrtSession *, const OrtRunOptions *, const char *const *input_names,
                    const OrtValue *const *inputs, size_t n_inputs,
                    const char *const *output_names, size_t n_outputs, OrtValue **);  /* 9 */
  OrtStatus *(*CreateSessionOptions)(OrtSessionOptions **);                           /* 10 */
  OrtUnused unused_11[38];
  OrtStatus *(*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo *, void *, size_t bytes,
                                               const int64_t *shape, size_t rank, int type,
                                               OrtValue **);                          /* 49 */
  OrtUnused unused_50[1];
  OrtStatus *(*GetTensorMutableData)(OrtValue *, void **);                            /* 51 */
  OrtUnused unused_52[17];
  OrtStatus *(*CreateCpuMemoryInfo)(int allocator, int memory, OrtMemoryInfo **);     /* 69 */
  OrtUnused unused_70[8];
  OrtStatus *(*GetAllocatorWithDefaultOptions)(OrtAllocator **);                      /* 78 */
  OrtUnused unused_79[13];
  void (*ReleaseEnv)(OrtEnv *);                                                       /* 92 */
  OrtUnused unused_93[1];
  void (*ReleaseMemoryInfo)(OrtMemoryInfo *);                                         /* 94 */
  void (*ReleaseSession)(OrtSession *);                                               /* 95 */
  void (*ReleaseValue)(OrtValue *);                                                   /* 96 */
  OrtUnused unused_97[3];
  void (*ReleaseSessionOptions)(OrtSessionOptions *);                                 /* 100 */
  OrtUnused unused_101[10];
  OrtStatus *(*SessionGetModelMetadata)(const OrtSession *, OrtModelMetadata **);     /* 111 */
  OrtUnused unused_112[4];
  OrtStatus *(*ModelMetadataLookupCustomMetadataMap)(const OrtModelMetadata *, OrtAllocator *,
                                                     const char *key, char **);       /* 116 */
  OrtUnused unused_117[1];
  void (*ReleaseModelMetadata)(OrtModelMetadata *);                                   /* 118 */
} OrtApi;

typedef struct OrtApiBase {
  const OrtApi *(*GetApi)(uint32_t version);
  const char *(*GetVersionString)(void);
} OrtApiBase;

const OrtApiBase *OrtGetApiBase(void);

#endif

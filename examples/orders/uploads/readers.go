package uploads

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // so that image.DecodeConfig knows them
	_ "image/png"
	"io"

	"github.com/ledongthuc/pdf"
	"github.com/xuri/excelize/v2"

	"github.com/lambda-cqrs/cqrs"
)

// reader returns what looks into a file whose name has that extension, or nil. What
// it returns for a bad file is a permanent error; for a bad download it is not.
func reader(extension string) func(r io.Reader) (Document, error) {
	switch extension {
	case "csv":
		return readCSV
	case "xlsx":
		return readExcel
	case "pdf":
		return readPDF
	case "jpg", "jpeg", "png":
		return readImage
	}
	return nil
}

// readCSV counts rows as it reads them.
func readCSV(r io.Reader) (Document, error) {
	reader := csv.NewReader(r)
	reader.FieldsPerRecord, reader.ReuseRecord = -1, true
	d := Document{Kind: CSV}
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return d, nil
		}
		if _, ok := errors.AsType[*csv.ParseError](err); ok {
			return d, cqrs.Permanent(err)
		}
		if err != nil {
			return d, err
		}
		d.Rows++
		d.Columns = max(d.Columns, len(record))
	}
}

// readExcel counts the rows of all sheets.
func readExcel(r io.Reader) (Document, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return Document{}, err
	}
	book, err := excelize.OpenReader(bytes.NewReader(content), excelize.Options{UnzipSizeLimit: 8 * maxFile, UnzipXMLSizeLimit: maxFile})
	if err != nil {
		return Document{}, cqrs.Permanent(fmt.Errorf("it is no Excel workbook: %w", err))
	}
	defer func() { _ = book.Close() }()
	d := Document{Kind: Excel}
	for _, sheet := range book.GetSheetList() {
		rows, err := book.Rows(sheet)
		if err != nil {
			return d, cqrs.Permanent(fmt.Errorf("sheet %s: %w", sheet, err))
		}
		for rows.Next() {
			columns, err := rows.Columns()
			if err != nil {
				return d, cqrs.Permanent(fmt.Errorf("sheet %s: %w", sheet, err))
			}
			d.Rows++
			d.Columns = max(d.Columns, len(columns))
		}
		if err := errors.Join(rows.Error(), rows.Close()); err != nil {
			return d, cqrs.Permanent(fmt.Errorf("sheet %s: %w", sheet, err))
		}
	}
	return d, nil
}

// readPDF counts pages.
func readPDF(r io.Reader) (d Document, err error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return Document{}, err
	}
	defer func() {
		if broken := recover(); broken != nil { // the reader panics over what it cannot follow
			err = cqrs.Permanent(fmt.Errorf("it is a broken PDF: %v", broken))
		}
	}()
	file, err := pdf.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return Document{}, cqrs.Permanent(fmt.Errorf("it is no PDF: %w", err))
	}
	return Document{Kind: PDF, Pages: file.NumPage()}, nil
}

// download remembers the error with which it breaks off.
type download struct {
	io.Reader

	err error
}

func (d *download) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		d.err = err
	}
	return n, err
}

// readImage reads no more than the head, which has the size.
func readImage(r io.Reader) (Document, error) {
	d := &download{Reader: r}
	config, _, err := image.DecodeConfig(d)
	if d.err != nil {
		return Document{}, d.err
	}
	if err != nil {
		return Document{}, cqrs.Permanent(fmt.Errorf("it is no image: %w", err))
	}
	return Document{Kind: Image, Width: config.Width, Height: config.Height}, nil
}
